"""`docs/reference/metrics.md`: every metric of the worker's /metrics."""

from docs.generate.markdown import head, table
from oncofhir.telemetry.definition import Definition
from oncofhir.telemetry.metrics import DEFINITIONS

_INTRODUCTION = """
The worker serves them at `/metrics` on `ONCOFHIR_HTTP__PORT` (8080), in the text format of Prometheus. No label contains PHI or grows
without bound. A histogram has the series `_bucket`, `_sum` and `_count`.

Watch these first: `oncofhir_lag_records` (how much is unread), `oncofhir_circuit_breaker_open` (which dependency is down),
`oncofhir_dead_letters_total` (what fails), `oncofhir_end_to_end_seconds` (how late findings are). An example in PromQL, the dead-letter ratio:

    sum(rate(oncofhir_dead_letters_total[15m])) / sum(rate(oncofhir_reports_total[15m]))
"""


def metrics_page() -> str:
    """Render the page."""
    rows = table(("metric", "type", "labels", "meaning"), map(_row, DEFINITIONS))
    first = head("Metrics", "operators", "oncofhir/telemetry/metrics.py")
    return f"{first}{_INTRODUCTION}\n{rows}"


def _row(metric: Definition) -> tuple[str, str, str, str]:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"`{metric.name}`", metric.kind.value, labels, metric.meaning
