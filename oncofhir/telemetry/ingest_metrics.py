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
MISSING_EVENTS = Definition(
    "oncofhir_bridge_missing_events_total",
    MetricKind.COUNTER,
    "Event numbers of a Subscription that did not arrive in time, by what became of them: recovered, "
    "searched (the server cannot list events, so changed reports were searched) or lost.",
    ("subscription", "outcome"),
)
EVENTS_MISSING = Definition(
    "oncofhir_bridge_events_missing",
    MetricKind.GAUGE,
    "Event numbers of a Subscription that are missing now.",
    ("subscription",),
)
CATCH_UP_FAILURES = Definition(
    "oncofhir_bridge_catch_up_failures_total",
    MetricKind.COUNTER,
    "Attempts to catch up at the FHIR server that failed, by reason code.",
    ("subscription", "reason"),
)
MLLP_MESSAGES = Definition(
    "oncofhir_mllp_messages_total",
    MetricKind.COUNTER,
    "HL7 v2 messages over MLLP by outcome (accepted, try-again, refused, ignored) and reason code.",
    ("outcome", "reason"),
)
MLLP_DEAD_LETTERS = Definition(
    "oncofhir_mllp_dead_letters_total",
    MetricKind.COUNTER,
    "Refused HL7 v2 messages that were written to the dead-letter topic, by reason code.",
    ("reason",),
)
MLLP_CONNECTIONS = Definition(
    "oncofhir_mllp_connections",
    MetricKind.GAUGE,
    "Open MLLP connections.",
)
MLLP_REFUSED_CONNECTIONS = Definition(
    "oncofhir_mllp_refused_connections_total",
    MetricKind.COUNTER,
    "MLLP connections that were closed at once, because there were too many.",
)

INGEST_DEFINITIONS = (
    BRIDGE_REQUESTS,
    INGESTED_EVENTS,
    INGEST_PUBLISH_SECONDS,
    INGEST_BROKER_AVAILABLE,
    MISSING_EVENTS,
    EVENTS_MISSING,
    CATCH_UP_FAILURES,
    MLLP_MESSAGES,
    MLLP_DEAD_LETTERS,
    MLLP_CONNECTIONS,
    MLLP_REFUSED_CONNECTIONS,
)
