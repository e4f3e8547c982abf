"""`docs/reference/metrics.md`: every metric of the worker's /metrics."""

from docs.generate.markdown import head, table
from oncofhir.telemetry.definition import Definition
from oncofhir.telemetry.ingest_metrics import INGEST_DEFINITIONS
from oncofhir.telemetry.metrics import WORKER_DEFINITIONS
from oncofhir.telemetry.review_metrics import REVIEW_DEFINITIONS
from oncofhir.telemetry.sink_metrics import SINK_DEFINITIONS

_INTRODUCTION = """
The worker and the bridge serve them at `/metrics` on `ONCOFHIR_HTTP__PORT` (8080), the sink
and the review page with `--metrics-port`, in the text format of Prometheus.
Alerts and dashboards on them: [Watch the service](../how-to/watch-the-service.md). No label contains PHI or grows
without bound. A histogram has the series `_bucket`, `_sum` and `_count`.

Watch these first: `oncofhir_lag_records` (how much is unread), `oncofhir_circuit_breaker_open` (which dependency is down),
`oncofhir_dead_letters_total` (what fails), `oncofhir_end_to_end_seconds` (how late findings are). An example in PromQL, the dead-letter ratio:

    sum(rate(oncofhir_dead_letters_total[15m])) / sum(rate(oncofhir_reports_total[15m]))
"""

_PROGRAMS = (
    ("Worker", WORKER_DEFINITIONS),
    ("Bridge", INGEST_DEFINITIONS),
    ("Sink", SINK_DEFINITIONS),
    ("Review page and watcher", REVIEW_DEFINITIONS),
)


def metrics_page() -> str:
    """Render the page."""
    first = head("Metrics", "operators", "oncofhir/telemetry/metrics.py")
    sections = [
        f"## {title}\n\n{table(('metric', 'type', 'labels', 'meaning'), map(_row, definitions))}"
        for title, definitions in _PROGRAMS
    ]
    return "\n".join((f"{first}{_INTRODUCTION}", *sections))


def _row(metric: Definition) -> tuple[str, str, str, str]:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"`{metric.name}`", metric.kind.value, labels, metric.meaning
