"""Every metric, declared once: name, unit, labels and meaning. No label holds PHI or grows without bound."""

from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest


class MetricKind(StrEnum):
    """Prometheus types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Definition:
    """One metric as dashboards and the documentation see it."""

    name: str
    kind: MetricKind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


# From an answer out of the head (tens of ms) to a long report behind an outage (an hour).
_REPORT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
# The same, and a night in Kafka, or days behind history.
_END_TO_END_SECONDS = (0.1, 0.5, 1, 5, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600)
# One step of a report: from a decode (under 1 ms) to a slow model (minutes).
_STAGE_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 20, 60, 180)
# Confidences crowd near 1.
_CONFIDENCES = (0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)

RECORDS_RECEIVED = Definition(
    "oncofhir_records_received_total", MetricKind.COUNTER, "Records polled.", ("topic",)
)
RECORDS_REMOVED = Definition(
    "oncofhir_records_removed_total",
    MetricKind.COUNTER,
    "Records that the broker had removed, by retention or by an operator, before they were read.",
    ("topic",),
)
REPORTS = Definition(
    "oncofhir_reports_total",
    MetricKind.COUNTER,
    "Reports that reached an outcome; reason is empty when there is none to give.",
    ("status", "reason"),
)
REPORT_WARNINGS = Definition(
    "oncofhir_report_warnings_total",
    MetricKind.COUNTER,
    "Reports that were read but for a part, such as scanned pages in a PDF.",
    ("warning",),
)
RETRIES = Definition(
    "oncofhir_retries_total",
    MetricKind.COUNTER,
    "Tries that failed and will be repeated.",
    ("reason",),
)
DEAD_LETTERS = Definition(
    "oncofhir_dead_letters_total", MetricKind.COUNTER, "Records dead-lettered.", ("reason",)
)
ROWS = Definition(
    "oncofhir_rows_published_total",
    MetricKind.COUNTER,
    "Rows acknowledged by the broker.",
    ("topic",),
)
MODEL_ASKED = Definition(
    "oncofhir_reports_model_asked_total",
    MetricKind.COUNTER,
    "Reports for which the model was asked.",
)
MODEL_TOKENS = Definition(
    "oncofhir_model_tokens_total",
    MetricKind.COUNTER,
    "Tokens of the reports for which the model was asked, as its server counted them; direction is prompt or "
    "generated. Prompt tokens that the server had in its prefix cache are among them.",
    ("direction",),
)
MODEL_QUESTIONS = Definition(
    "oncofhir_model_questions_total", MetricKind.COUNTER, "Questions that the model answered."
)
MODEL_SENT = Definition(
    "oncofhir_model_requests_sent", MetricKind.GAUGE, "Requests that the model servers have now."
)
MODEL_QUEUED = Definition(
    "oncofhir_model_requests_queued",
    MetricKind.GAUGE,
    "Requests that wait in this worker until the model servers have finished others.",
)
MODEL_LIMIT = Definition(
    "oncofhir_model_requests_limit",
    MetricKind.GAUGE,
    "Requests that the model servers are sent at a time at most, as found from how they answer.",
)
FINDINGS = Definition(
    "oncofhir_findings_total",
    MetricKind.COUNTER,
    "Findings of reports for which the model was asked, by kind and class of the answer.",
    ("kind", "answer"),
)
REPORTS_ANSWERED = Definition(
    "oncofhir_reports_answered_total",
    MetricKind.COUNTER,
    "Reports with at least one finding of the kind; the others of those asked about are abstentions.",
    ("kind",),
)
REJECTED_FINDINGS = Definition(
    "oncofhir_rejected_findings_total",
    MetricKind.COUNTER,
    "Values that were claimed and are no finding: ungrounded, negated and others.",
    ("reason",),
)
FINDING_CONFIDENCE = Definition(
    "oncofhir_finding_confidence_ratio",
    MetricKind.HISTOGRAM,
    "Confidence of findings, calibrated if the settings name a calibration.",
    ("kind",),
    _CONFIDENCES,
)
HELD_RECORDS = Definition(
    "oncofhir_records_held", MetricKind.GAUGE, "Records polled and not finished."
)
HELD_BYTES = Definition("oncofhir_held_bytes", MetricKind.GAUGE, "Bytes of records held.")
WORKING = Definition("oncofhir_reports_working", MetricKind.GAUGE, "Reports worked on right now.")
ASSIGNED = Definition("oncofhir_partitions_assigned", MetricKind.GAUGE, "Partitions that are ours.")
PAUSED = Definition("oncofhir_partitions_paused", MetricKind.GAUGE, "Partitions that are paused.")
LANE_PAUSED = Definition(
    "oncofhir_lane_paused",
    MetricKind.GAUGE,
    "1 while nothing of the lane (live, history) is read: both for back-pressure or an outage, history "
    "also while live records wait.",
    ("lane",),
)
LAG = Definition(
    "oncofhir_lag_records",
    MetricKind.GAUGE,
    "Records of a partition that are not finished, as far as the broker has told.",
    ("topic", "partition"),
)
OLDEST = Definition(
    "oncofhir_oldest_unfinished_seconds",
    MetricKind.GAUGE,
    "How long ago the oldest unfinished record was polled; 0 when there is none.",
)
BREAKER = Definition(
    "oncofhir_breaker_open",
    MetricKind.GAUGE,
    "1 open, 0.5 half-open, 0 closed.",
    ("dependency",),
)
REPORT_SECONDS = Definition(
    "oncofhir_report_seconds",
    MetricKind.HISTOGRAM,
    "From the poll of a record to its end, retries included.",
    (),
    _REPORT_SECONDS,
)
END_TO_END_SECONDS = Definition(
    "oncofhir_end_to_end_seconds",
    MetricKind.HISTOGRAM,
    "From the time that a record bears, set by its producer or by the broker, to its end; the wait in Kafka "
    "included.",
    ("lane",),
    _END_TO_END_SECONDS,
)
STAGE_SECONDS = Definition(
    "oncofhir_stage_seconds",
    MetricKind.HISTOGRAM,
    "One stage of one try: decode, process, publish. Of a try that succeeded also the parts of process: read "
    "(the source, its attachments), ask (the model, and what its answers mean), store (head and findings).",
    ("stage",),
    _STAGE_SECONDS,
)

DEFINITIONS: tuple[Definition, ...] = (
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
    HELD_RECORDS,
    HELD_BYTES,
    WORKING,
    ASSIGNED,
    PAUSED,
    LANE_PAUSED,
    LAG,
    OLDEST,
    BREAKER,
    REPORT_SECONDS,
    END_TO_END_SECONDS,
    STAGE_SECONDS,
)


class Metrics:
    """The metrics on a registry of their own, so that two workers in a process do not meet."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for d in DEFINITIONS:
            match d.kind:
                case MetricKind.COUNTER:
                    self._counters[d.name] = Counter(
                        d.name, d.meaning, d.labels, registry=self._registry
                    )
                case MetricKind.GAUGE:
                    self._gauges[d.name] = Gauge(
                        d.name, d.meaning, d.labels, registry=self._registry
                    )
                case MetricKind.HISTOGRAM:
                    self._histograms[d.name] = Histogram(
                        d.name, d.meaning, d.labels, buckets=d.buckets, registry=self._registry
                    )

    def count(self, definition: Definition, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        counter = self._counters[definition.name]
        (counter.labels(*labels) if labels else counter).inc(by)

    def set(self, definition: Definition, value: float, *labels: str) -> None:
        """Set a gauge."""
        gauge = self._gauges[definition.name]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def clear(self, definition: Definition) -> None:
        """Forget all label values of a gauge."""
        self._gauges[definition.name].clear()

    def observe(self, definition: Definition, value: float, *labels: str) -> None:
        """Add to a histogram."""
        histogram = self._histograms[definition.name]
        (histogram.labels(*labels) if labels else histogram).observe(value)

    def exposed(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self._registry)
