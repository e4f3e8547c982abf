"""The interface of a tracer; `NO_TRACING` where traces are off.

Spans and attributes have the names of OpenTelemetry's semantic conventions. No attribute holds content of a
report or an identifier of a patient or report.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Protocol

from oncofhir.schemas.tracing.trace_context import TraceContext

Attributes = Mapping[str, str | int | float | bool | tuple[str, ...]]


class SpanKind(StrEnum):
    """OpenTelemetry's kinds of spans."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Span(Protocol):
    """A timed step of a trace."""

    @property
    def context(self) -> TraceContext | None:
        """Its identity; None where traces are off."""

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""

    def event(self, name: str, attributes: Attributes) -> None:
        """Note that something happened at this time."""

    def fail(self, error_type: str) -> None:
        """Mark it as failed, by a reason code or the name of an exception's type."""

    def finish(self) -> None:
        """End it. What comes later is ignored."""


class Tracer(Protocol):
    """Begins spans. The current span is that of the running task."""

    def span(
        self, name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
    ) -> AbstractContextManager[Span]:
        """A child of the current span, current within the context.

        An exception ends it as failed and is raised again.
        """

    def start(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        *,
        parent: TraceContext | None = None,
        age_seconds: float = 0.0,
    ) -> Span:
        """A span that began `age_seconds` ago below `parent`, or in its own trace. The caller ends it."""

    def use(self, span: Span) -> AbstractContextManager[None]:
        """Make a span the current one within the context. It is not ended there."""

    def past(self, name: str, span: Span, seconds: float, age_seconds: float = 0.0) -> None:
        """Add a child to a span that took so many seconds and ended `age_seconds` ago."""

    def current(self) -> TraceContext | None:
        """The context of the current span; None outside of spans, and where traces are off."""


class _NoSpan:
    context = None

    def set(self, attributes: Attributes) -> None:
        pass

    def event(self, name: str, attributes: Attributes) -> None:
        pass

    def fail(self, error_type: str) -> None:
        pass

    def finish(self) -> None:
        pass


class _NoTracing:
    """Traces are off."""

    _span = nullcontext(_NoSpan())
    _nothing = nullcontext()

    def span(
        self,
        name: str,  # noqa: ARG002
        kind: SpanKind = SpanKind.INTERNAL,  # noqa: ARG002
        attributes: Attributes | None = None,  # noqa: ARG002
    ) -> AbstractContextManager[Span]:
        return self._span

    def start(
        self,
        name: str,  # noqa: ARG002
        kind: SpanKind,  # noqa: ARG002
        attributes: Attributes,  # noqa: ARG002
        *,
        parent: TraceContext | None = None,  # noqa: ARG002
        age_seconds: float = 0.0,  # noqa: ARG002
    ) -> Span:
        return self._span.enter_result

    def use(self, span: Span) -> AbstractContextManager[None]:  # noqa: ARG002
        return self._nothing

    def past(self, name: str, span: Span, seconds: float, age_seconds: float = 0.0) -> None:
        pass

    def current(self) -> TraceContext | None:
        return None


NO_TRACING: Tracer = _NoTracing()


def carried(tracer: Tracer, headers: Iterable[tuple[str, bytes | None]]) -> TraceContext | None:
    """The context that output carries: that of the current span, else the one that the input came with."""
    return tracer.current() or TraceContext.from_headers(headers)
