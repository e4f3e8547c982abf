"""Metrics of the reviewer's page and of its watcher, with --metrics-port."""

from oncofhir.telemetry.definition import Definition, MetricKind

# The goal of a page is 0.3 s; a report of 2 MB takes longer.
_REQUEST_SECONDS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 10)
_PASS_SECONDS = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)
_VERDICTS = ("confirm", "correct", "refute", "not-sure", "add-missed", "undo")

REVIEW_FINDINGS = Definition(
    "oncofhir_review_findings",
    MetricKind.GAUGE,
    "Findings of the index after the last pass, by review status.",
    ("review_status",),
)
REVIEW_OPEN_FINDINGS = Definition(
    "oncofhir_review_open_findings",
    MetricKind.GAUGE,
    "Findings on the worklist after the last pass, by reason; one finding may have several.",
    ("reason",),
)
REVIEW_VERDICTS = Definition(
    "oncofhir_review_verdicts_total",
    MetricKind.COUNTER,
    "Verdicts that reviewers sent, by kind and by outcome: done, conflict, store-refused and others.",
    ("verdict", "outcome"),
    initial=tuple((verdict, "done") for verdict in _VERDICTS),
)
REVIEW_REQUESTS = Definition(
    "oncofhir_review_requests_total",
    MetricKind.COUNTER,
    "Requests that the page answered, by route and HTTP status.",
    ("route", "status"),
)
REVIEW_REQUEST_SECONDS = Definition(
    "oncofhir_review_request_seconds",
    MetricKind.HISTOGRAM,
    "Seconds until a request was answered, by route.",
    ("route",),
    _REQUEST_SECONDS,
)
REVIEW_UNRECORDED_VIEWS = Definition(
    "oncofhir_review_unrecorded_views_total",
    MetricKind.COUNTER,
    "Views of a report that were refused, since the FHIR server did not record them as AuditEvent.",
)
WATCH_LAST_PASS = Definition(
    "oncofhir_review_watch_last_pass_timestamp_seconds",
    MetricKind.GAUGE,
    "When the last complete pass over the FHIR server ended, in seconds since the epoch; 0 before the first.",
)
WATCH_PASS_SECONDS = Definition(
    "oncofhir_review_watch_pass_seconds",
    MetricKind.HISTOGRAM,
    "Seconds of a complete pass.",
    (),
    _PASS_SECONDS,
)
WATCH_FAILED_PASSES = Definition(
    "oncofhir_review_watch_failed_passes_total",
    MetricKind.COUNTER,
    "Passes that the FHIR server or the broker broke off, by reason code; the next pass repeats the rest.",
    ("reason",),
)
WATCH_EDITS = Definition(
    "oncofhir_review_watch_edits_total",
    MetricKind.COUNTER,
    "Resources that other FHIR clients edited or deleted, by outcome: read or failed.",
    ("outcome",),
    initial=(("read",), ("failed",)),
)
WATCH_PUBLISHED_ROWS = Definition(
    "oncofhir_review_watch_published_rows_total",
    MetricKind.COUNTER,
    "Rows that the watcher published and the broker acknowledged.",
)
REVIEW_UNPUBLISHED = Definition(
    "oncofhir_review_unpublished_documents",
    MetricKind.GAUGE,
    "Documents whose rows the broker has not acknowledged yet, after the last pass.",
)

REVIEW_DEFINITIONS = (
    REVIEW_FINDINGS,
    REVIEW_OPEN_FINDINGS,
    REVIEW_VERDICTS,
    REVIEW_REQUESTS,
    REVIEW_REQUEST_SECONDS,
    REVIEW_UNRECORDED_VIEWS,
    WATCH_LAST_PASS,
    WATCH_PASS_SECONDS,
    WATCH_FAILED_PASSES,
    WATCH_EDITS,
    WATCH_PUBLISHED_ROWS,
    REVIEW_UNPUBLISHED,
)
