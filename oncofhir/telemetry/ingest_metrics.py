"""Metrics of the bridge and of other ways in."""

from oncofhir.telemetry.definition import Definition, MetricKind

# From a broker nearby (ms) to one that is elected again (tens of seconds).
_PUBLISH_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

BRIDGE_REQUESTS = Definition(
    "oncofhir_bridge_requests_total",
    MetricKind.COUNTER,
    "Notifications that the bridge answered, by HTTP status.",
    ("status",),
)
INGESTED_EVENTS = Definition(
    "oncofhir_ingested_events_total",
    MetricKind.COUNTER,
    "Events that the broker acknowledged, by topic and by how they came in: notification, catch-up or "
    "hl7v2.",
    ("topic", "origin"),
)
INGEST_PUBLISH_SECONDS = Definition(
    "oncofhir_ingest_publish_seconds",
    MetricKind.HISTOGRAM,
    "Seconds until the broker acknowledged the events of one request.",
    (),
    _PUBLISH_SECONDS,
)
INGEST_BROKER_AVAILABLE = Definition(
    "oncofhir_ingest_broker_available",
    MetricKind.GAUGE,
    "1 while the broker acknowledges events, 0 while senders are answered to try again later.",
)

INGEST_DEFINITIONS = (
    BRIDGE_REQUESTS,
    INGESTED_EVENTS,
    INGEST_PUBLISH_SECONDS,
    INGEST_BROKER_AVAILABLE,
)
