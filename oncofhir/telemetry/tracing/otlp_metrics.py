"""Sends the metrics of a Prometheus registry over OTLP, with the names, units and labels of /metrics.

A unit is that of the name's suffix. Counters and histograms are cumulative since the start of the process.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import Metric as Family
from prometheus_client.samples import Sample

from oncofhir import __version__
from oncofhir.settings import TracingSettings
from oncofhir.telemetry.tracing.otlp_session import (
    EXPORT_SECONDS,
    build_resource,
    build_session,
    certificate_file,
)

# UCUM, by the last word of a name without `_total`.
_UNITS = {"seconds": "s", "bytes": "By", "ratio": "1"}
_CUMULATIVE = AggregationTemporality.CUMULATIVE


class MetricsExporter:
    """Sends families of metrics to a collector. Blocking, for some seconds at most."""

    def __init__(self, settings: TracingSettings) -> None:
        self._exporter = OTLPMetricExporter(
            endpoint=f"{settings.endpoint}/v1/metrics",
            certificate_file=certificate_file(settings),
            timeout=EXPORT_SECONDS,
            compression=Compression.Gzip,
            session=build_session(settings),
        )
        self._resource = build_resource()
        self._scope = InstrumentationScope("oncofhir", __version__)
        self._started = time.time_ns()

    def export(self, families: Iterable[Family]) -> None:
        """Send the values. A collector that does not take them is logged by the SDK; the next ones follow."""
        metrics = list(otlp_metrics(families, self._started, time.time_ns()))
        scope = ScopeMetrics(self._scope, metrics, "")
        self._exporter.export(MetricsData([ResourceMetrics(self._resource, [scope], "")]))

    def close(self) -> None:
        self._exporter.shutdown()


def otlp_metrics(families: Iterable[Family], started: int, now: int) -> Iterator[Metric]:
    """Translate families; `started` and `now` in nanoseconds since the epoch."""
    for family in families:
        unit = _UNITS.get(family.name.rpartition("_")[2], "")
        match family.type:
            case "counter":
                name = f"{family.name}_total"
                points = [_number(s, started, now) for s in family.samples if s.name == name]
                yield Metric(name, family.documentation, unit, Sum(points, _CUMULATIVE, True))
            case "gauge":
                points = [_number(s, started, now) for s in family.samples]
                yield Metric(family.name, family.documentation, unit, Gauge(points))
            case "histogram":
                histograms = list(_histograms(family, started, now))
                data = Histogram(histograms, _CUMULATIVE)
                yield Metric(family.name, family.documentation, unit, data)


def _number(sample: Sample, started: int, now: int) -> NumberDataPoint:
    return NumberDataPoint(dict(sample.labels), started, now, sample.value)


def _histograms(family: Family, started: int, now: int) -> Iterator[HistogramDataPoint]:
    by_labels: dict[tuple[tuple[str, str], ...], list[Sample]] = defaultdict(list)
    for sample in family.samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        by_labels[tuple(sorted(labels.items()))].append(sample)
    for labels_of_point, samples in by_labels.items():
        buckets = [
            (float(s.labels["le"]), int(s.value)) for s in samples if s.name.endswith("_bucket")
        ]
        total = next(s.value for s in samples if s.name.endswith("_sum"))
        yield HistogramDataPoint(
            dict(labels_of_point),
            started,
            now,
            count=buckets[-1][1],
            sum=total,
            bucket_counts=_differences([count for _, count in buckets]),
            explicit_bounds=[bound for bound, _ in buckets if not math.isinf(bound)],
            min=None,  # type: ignore[arg-type]  # optional in OTLP, and not known here
            max=None,  # type: ignore[arg-type]
        )


def _differences(cumulative: Sequence[int]) -> list[int]:
    return [count - before for before, count in zip([0, *cumulative], cumulative, strict=False)]
