"""A `Tracer` on OpenTelemetry's SDK.

Ended spans go to a bounded queue, which a thread of the SDK sends in batches. When the collector is slow or
down, the oldest spans are dropped and nothing waits.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from oncofhir import __version__
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.tracing.trace_context import TraceContext
from oncofhir.schemas.tracing.tracer import Attributes, Span, SpanKind
from oncofhir.settings import TracingSettings
from oncofhir.telemetry.tracing.otlp_session import (
    CLOSE_SECONDS,
    EXPORT_SECONDS,
    build_resource,
    build_session,
    certificate_file,
)

_MAX_QUEUE = 8192  # spans; some 30 a report
_BATCH = 512
_DELAY_MS = 2_000
_NANOSECONDS = 1_000_000_000
_KINDS = {
    SpanKind.INTERNAL: trace.SpanKind.INTERNAL,
    SpanKind.SERVER: trace.SpanKind.SERVER,
    SpanKind.CLIENT: trace.SpanKind.CLIENT,
    SpanKind.PRODUCER: trace.SpanKind.PRODUCER,
    SpanKind.CONSUMER: trace.SpanKind.CONSUMER,
}


class OtlpSpan:
    """A span of the SDK."""

    __slots__ = ("sdk",)

    def __init__(self, sdk: trace.Span) -> None:
        self.sdk = sdk

    @property
    def context(self) -> TraceContext | None:
        return _context_of(self.sdk)

    def set(self, attributes: Attributes) -> None:
        self.sdk.set_attributes(attributes)

    def event(self, name: str, attributes: Attributes) -> None:
        self.sdk.add_event(name, attributes)

    def fail(self, error_type: str) -> None:
        self.sdk.set_attribute("error.type", error_type)
        self.sdk.set_status(Status(StatusCode.ERROR))

    def finish(self) -> None:
        self.sdk.end()


class OtlpTracer:
    """Records spans and sends them to a collector. Close it once."""

    def __init__(self, settings: TracingSettings) -> None:
        self._exporter = OTLPSpanExporter(
            endpoint=f"{settings.endpoint}/v1/traces",
            certificate_file=certificate_file(settings),
            timeout=EXPORT_SECONDS,
            compression=Compression.Gzip,
            session=build_session(settings),
        )
        processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=_MAX_QUEUE,
            max_export_batch_size=_BATCH,
            schedule_delay_millis=_DELAY_MS,
        )
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.sample_ratio)),
            resource=build_resource(),
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_span_attributes=64, max_events=64),
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("oncofhir", __version__)

    @contextmanager
    def span(
        self, name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
    ) -> Iterator[Span]:
        sdk = self._tracer.start_span(name, kind=_KINDS[kind], attributes=attributes)
        token = otel_context.attach(trace.set_span_in_context(sdk))
        span = OtlpSpan(sdk)
        try:
            yield span
        except Exception as error:
            span.fail(error_type(error))
            raise
        finally:
            otel_context.detach(token)
            sdk.end()

    def start(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        *,
        parent: TraceContext | None = None,
        age_seconds: float = 0.0,
    ) -> Span:
        context = otel_context.Context()
        if parent is not None:
            context = trace.set_span_in_context(NonRecordingSpan(_sdk_context(parent)), context)
        began = time.time_ns() - int(age_seconds * _NANOSECONDS)
        return OtlpSpan(
            self._tracer.start_span(
                name, context, kind=_KINDS[kind], attributes=attributes, start_time=began
            )
        )

    @contextmanager
    def use(self, span: Span) -> Iterator[None]:
        if not isinstance(span, OtlpSpan):
            raise TypeError(type(span).__name__)
        token = otel_context.attach(trace.set_span_in_context(span.sdk))
        try:
            yield
        finally:
            otel_context.detach(token)

    def past(self, name: str, span: Span, seconds: float, age_seconds: float = 0.0) -> None:
        if not isinstance(span, OtlpSpan):
            raise TypeError(type(span).__name__)
        ended = time.time_ns() - int(age_seconds * _NANOSECONDS)
        context = trace.set_span_in_context(span.sdk, otel_context.Context())
        child = self._tracer.start_span(
            name, context, start_time=ended - int(seconds * _NANOSECONDS)
        )
        child.end(ended)

    def current(self) -> TraceContext | None:
        return _context_of(trace.get_current_span())

    def close(self) -> None:
        """Send what is queued, for a few seconds at most."""
        # the SDK's own limit is 30 seconds
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
        if closing.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # ends the retries
            closing.join(1)


def error_type(error: BaseException) -> str:
    """A reason code, or the name of an exception's type; never its message."""
    return error.reason.value if isinstance(error, OncofhirError) else type(error).__name__


def _context_of(sdk: trace.Span) -> TraceContext | None:
    context = sdk.get_span_context()
    if not context.is_valid:
        return None
    return TraceContext(
        f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}",
        context.trace_state.to_header(),
    )


def _sdk_context(parent: TraceContext) -> SpanContext:
    return SpanContext(
        trace_id=int(parent.trace_id, 16),
        span_id=int(parent.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(parent.traceparent[53:55], 16)),
        trace_state=TraceState.from_header([parent.tracestate]) if parent.tracestate else None,
    )
