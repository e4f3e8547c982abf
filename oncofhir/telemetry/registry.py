"""The values of metrics, and how they are exposed."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from oncofhir.telemetry.definition import Definition, MetricKind


class Metrics:
    """Metrics of one program on a registry of their own, so that two in one process do not share them."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, definitions: Sequence[Definition]) -> None:
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for d in definitions:
            match d.kind:
                case MetricKind.COUNTER:
                    counter = Counter(d.name, d.meaning, d.labels, registry=self._registry)
                    self._counters[d.name] = counter
                    for labels in d.initial:
                        counter.labels(*labels)
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
        """Remove all label values of a gauge."""
        self._gauges[definition.name].clear()

    def observe(self, definition: Definition, value: float, *labels: str) -> None:
        """Add to a histogram."""
        histogram = self._histograms[definition.name]
        (histogram.labels(*labels) if labels else histogram).observe(value)

    def collect(self) -> list[Metric]:
        """The metrics as families of samples, without the times at which their series began."""
        families = list(self._registry.collect())
        for family in families:
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
        return families

    def exposed(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self)  # `collect` is all that it calls
