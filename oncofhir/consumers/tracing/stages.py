"""Times the stages of a report, as a histogram and as spans."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from oncofhir.schemas.tracing.tracer import Span, Tracer
from oncofhir.telemetry import metrics as m
from oncofhir.telemetry.registry import Metrics


class Stages:
    """Measures stages. `stage` is a value of the label of `oncofhir_stage_seconds`."""

    def __init__(self, metrics: Metrics, tracer: Tracer) -> None:
        self._metrics = metrics
        self._tracer = tracer

    @contextmanager
    def timed(self, stage: str) -> Iterator[Span]:
        """Measure a stage of the current report; yield its span."""
        with self._tracer.span(stage) as span, self.observed(stage):
            yield span

    @contextmanager
    def observed(self, stage: str) -> Iterator[None]:
        """Measure a stage without a span."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._metrics.observe(m.STAGE_SECONDS, time.monotonic() - started, stage)
