"""Metrics of `oncofhir sink`, with --metrics-port."""

from oncofhir.telemetry.definition import Definition, MetricKind

SINK_RECORDS = Definition(
    "oncofhir_sink_records_total",
    MetricKind.COUNTER,
    "Records that were merged into a table.",
    ("table",),
)
SINK_REJECTED = Definition(
    "oncofhir_sink_rejected_records_total",
    MetricKind.COUNTER,
    "Records that are not rows; they are listed in the table rejected_records.",
    ("table",),
)
SINK_LAG = Definition(
    "oncofhir_sink_lag_records",
    MetricKind.GAUGE,
    "Records of the output topics that are not landed.",
)
SINK_LAST_MERGE = Definition(
    "oncofhir_sink_last_turn_timestamp_seconds",
    MetricKind.GAUGE,
    "When the topics were last read and what was read was merged, in seconds since the epoch.",
)
SINK_DISK_FREE = Definition(
    "oncofhir_sink_disk_free_bytes",
    MetricKind.GAUGE,
    "Free bytes of the disk that holds the DuckDB file; absent with --delta.",
    (),
)
SINK_DISK_SIZE = Definition(
    "oncofhir_sink_disk_bytes",
    MetricKind.GAUGE,
    "Bytes of the disk that holds the DuckDB file; absent with --delta.",
)

SINK_DEFINITIONS = (
    SINK_RECORDS,
    SINK_REJECTED,
    SINK_LAG,
    SINK_LAST_MERGE,
    SINK_DISK_FREE,
    SINK_DISK_SIZE,
)
