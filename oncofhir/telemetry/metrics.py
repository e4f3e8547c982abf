"""Every metric, declared once: name, unit, labels and meaning. No label holds PHI or grows without bound."""

from oncofhir.schemas.finding import Rejection
from oncofhir.schemas.reasons import Disposition, Reason
from oncofhir.telemetry.definition import Definition, MetricKind
from oncofhir.telemetry.ingest_metrics import INGEST_DEFINITIONS
from oncofhir.telemetry.review_metrics import REVIEW_DEFINITIONS
from oncofhir.telemetry.sink_metrics import SINK_DEFINITIONS

# From a report that is answered from its head (tens of ms) to one that waits for an outage (an hour).
_REPORT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
# The same, plus a night in Kafka, or days in a backfill topic.
_END_TO_END_SECONDS = (0.1, 0.5, 1, 5, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
# From decoding a record (under 1 ms) to a slow model (minutes).
_STAGE_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 20, 60, 180)
# Confidences crowd near 1.
_CONFIDENCES = (0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)

_DEAD_LETTER_REASONS = tuple(
    (reason.value,)
    for reason in Reason
    if reason.disposition in {Disposition.DEAD_LETTER, Disposition.RETRY}
)

RECORDS_RECEIVED = Definition(
    "oncofhir_records_received_total",
    MetricKind.COUNTER,
    "Records received from Kafka.",
    ("topic",),
)
RECORDS_REMOVED = Definition(
    "oncofhir_records_removed_total",
    MetricKind.COUNTER,
    "Records that the broker removed (retention, or an operator) before the worker read them.",
    ("topic",),
)
REPORTS = Definition(
    "oncofhir_reports_total",
    MetricKind.COUNTER,
    "Reports with an outcome, by status and reason code. The reason is empty where a status needs none.",
    ("status", "reason"),
)
REPORT_WARNINGS = Definition(
    "oncofhir_report_warnings_total",
    MetricKind.COUNTER,
    "Reports that were read only in part, for example without the scanned pages of a PDF.",
    ("warning",),
)
RETRIES = Definition(
    "oncofhir_retries_total",
    MetricKind.COUNTER,
    "Failed attempts that will be retried.",
    ("reason",),
)
DEAD_LETTERS = Definition(
    "oncofhir_dead_letters_total",
    MetricKind.COUNTER,
    "Records sent to the dead-letter topic.",
    ("reason",),
    initial=_DEAD_LETTER_REASONS,
)
ROWS = Definition(
    "oncofhir_rows_published_total",
    MetricKind.COUNTER,
    "Rows that the broker acknowledged.",
    ("topic",),
)
MODEL_ASKED = Definition(
    "oncofhir_reports_model_asked_total",
    MetricKind.COUNTER,
    "Reports that were sent to the model.",
)
MODEL_TOKENS = Definition(
    "oncofhir_model_tokens_total",
    MetricKind.COUNTER,
    "Tokens as the model server counts them; direction is prompt or generated. Prompt tokens from the "
    "server's prefix cache are included.",
    ("direction",),
)
MODEL_QUESTIONS = Definition(
    "oncofhir_model_questions_total", MetricKind.COUNTER, "Questions that the model answered."
)
MODEL_SENT = Definition(
    "oncofhir_model_requests_sent",
    MetricKind.GAUGE,
    "Requests that the model servers are processing.",
)
MODEL_QUEUED = Definition(
    "oncofhir_model_requests_queued",
    MetricKind.GAUGE,
    "Requests that wait in this worker for a model server.",
)
MODEL_LIMIT = Definition(
    "oncofhir_model_requests_limit",
    MetricKind.GAUGE,
    "Concurrency limit of the model servers, adapted to their response times.",
)
FINDINGS = Definition(
    "oncofhir_findings_total",
    MetricKind.COUNTER,
    "Findings of the reports that were sent to the model, by kind and class of the value.",
    ("kind", "answer"),
)
REPORTS_ANSWERED = Definition(
    "oncofhir_reports_answered_total",
    MetricKind.COUNTER,
    "Reports with at least one finding of the kind. The rest of the reports sent to the model are "
    "abstentions.",
    ("kind",),
)
REJECTED_FINDINGS = Definition(
    "oncofhir_rejected_findings_total",
    MetricKind.COUNTER,
    "Values that the model gave and that were rejected: ungrounded, negated and others.",
    ("reason",),
    initial=tuple((reason.value,) for reason in Rejection),
)
FINDING_CONFIDENCE = Definition(
    "oncofhir_finding_confidence_ratio",
    MetricKind.HISTOGRAM,
    "Confidence of findings; calibrated if ONCOFHIR_MODEL__CALIBRATION_FILE is set.",
    ("kind",),
    _CONFIDENCES,
)
RECORDS_IN_FLIGHT = Definition(
    "oncofhir_records_in_flight",
    MetricKind.GAUGE,
    "Records received and not finished.",
)
BYTES_IN_FLIGHT = Definition(
    "oncofhir_bytes_in_flight", MetricKind.GAUGE, "Bytes of the records in flight."
)
REPORTS_IN_PROGRESS = Definition(
    "oncofhir_reports_in_progress",
    MetricKind.GAUGE,
    "Reports that the worker is processing now.",
)
ASSIGNED = Definition(
    "oncofhir_partitions_assigned", MetricKind.GAUGE, "Partitions assigned to this worker."
)
PAUSED = Definition(
    "oncofhir_partitions_paused",
    MetricKind.GAUGE,
    "Assigned partitions that are paused.",
)
CONSUMPTION_PAUSED = Definition(
    "oncofhir_consumption_paused",
    MetricKind.GAUGE,
    "1 while no record of the priority (live, backfill) is read: both during backpressure or an outage, "
    "backfill also while live records wait.",
    ("priority",),
)
LAG = Definition(
    "oncofhir_lag_records",
    MetricKind.GAUGE,
    "Records of a partition that are not finished (consumer lag).",
    ("topic", "partition"),
)
OLDEST_IN_FLIGHT = Definition(
    "oncofhir_oldest_in_flight_seconds",
    MetricKind.GAUGE,
    "Age of the oldest record in flight since it was received; 0 if there is none.",
)
BACKLOG_AGE = Definition(
    "oncofhir_backlog_age_seconds",
    MetricKind.GAUGE,
    "Age of the oldest record in flight by its timestamp in Kafka, by priority; 0 if there is none.",
    ("priority",),
)
READY = Definition(
    "oncofhir_worker_ready",
    MetricKind.GAUGE,
    "1 while /ready answers 200, else 0: before the dependencies have answered, in an outage, at the end.",
)
CREDENTIAL_EXPIRY = Definition(
    "oncofhir_credential_expiry_timestamp_seconds",
    MetricKind.GAUGE,
    "When a credential that a setting names expires, in seconds since the epoch. The kind is certificate "
    "(of a file of authorities the last one to expire) or token (a JWT).",
    ("setting", "kind"),
)
BUILD_INFO = Definition(
    "oncofhir_build_info", MetricKind.GAUGE, "1, with the version of oncofhir.", ("version",)
)
CIRCUIT_BREAKER = Definition(
    "oncofhir_circuit_breaker_open",
    MetricKind.GAUGE,
    "Circuit breaker of a dependency (model, store, broker): 1 open, 0.5 half-open, 0 closed.",
    ("dependency",),
)
ATTACHMENT_HOST = Definition(
    "oncofhir_attachment_host_unavailable",
    MetricKind.GAUGE,
    "1 for each origin of ONCOFHIR_INTAKE__ALLOWED_ORIGINS whose circuit breaker is open. Only the reports "
    "that name it wait.",
    ("origin",),
)
REPORT_SECONDS = Definition(
    "oncofhir_report_seconds",
    MetricKind.HISTOGRAM,
    "Seconds from receiving a record to its completion, retries included.",
    (),
    _REPORT_SECONDS,
)
END_TO_END_SECONDS = Definition(
    "oncofhir_end_to_end_seconds",
    MetricKind.HISTOGRAM,
    "Seconds from the record timestamp to completion, including the time in Kafka.",
    ("priority",),
    _END_TO_END_SECONDS,
)
STAGE_SECONDS = Definition(
    "oncofhir_stage_seconds",
    MetricKind.HISTOGRAM,
    "Seconds of one stage of one attempt: decode, process, publish. A successful attempt also reports the "
    "parts of process: read (source and attachments), ask (model and interpretation), store (FHIR server).",
    ("stage",),
    _STAGE_SECONDS,
)
WORKER_DEFINITIONS: tuple[Definition, ...] = (
    RECORDS_RECEIVED,
    RECORDS_REMOVED,
    REPORTS,
    REPORT_WARNINGS,
    RETRIES,
    DEAD_LETTERS,
    ROWS,
    MODEL_ASKED,
    MODEL_TOKENS,
    MODEL_QUESTIONS,
    MODEL_SENT,
    MODEL_QUEUED,
    MODEL_LIMIT,
    FINDINGS,
    REPORTS_ANSWERED,
    REJECTED_FINDINGS,
    FINDING_CONFIDENCE,
    RECORDS_IN_FLIGHT,
    BYTES_IN_FLIGHT,
    REPORTS_IN_PROGRESS,
    ASSIGNED,
    PAUSED,
    CONSUMPTION_PAUSED,
    LAG,
    OLDEST_IN_FLIGHT,
    BACKLOG_AGE,
    READY,
    CREDENTIAL_EXPIRY,
    BUILD_INFO,
    CIRCUIT_BREAKER,
    ATTACHMENT_HOST,
    REPORT_SECONDS,
    END_TO_END_SECONDS,
    STAGE_SECONDS,
)
DEFINITIONS: tuple[Definition, ...] = (
    *WORKER_DEFINITIONS,
    *INGEST_DEFINITIONS,
    *SINK_DEFINITIONS,
    *REVIEW_DEFINITIONS,
)
