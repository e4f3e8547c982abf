"""Spans of Kafka records, by OpenTelemetry's semantic conventions for messaging and Kafka.

Source: https://opentelemetry.io/docs/specs/semconv/messaging/kafka/. A record's key is left out: it is the
identifier of a report.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from oncofhir.consumers.kafka.publisher import Message
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.schemas.tracing.trace_context import TraceContext
from oncofhir.schemas.tracing.tracer import Attributes, Span, SpanKind, Tracer

_SYSTEM: Mapping[str, str] = {"messaging.system": "kafka"}


def start_report_span(
    tracer: Tracer, record: SourceRecord, group_id: str, decode_began: float
) -> Span:
    """Begin the span of one report of a record, below the publisher's, at the time of the record's poll.

    `decode_began` is in seconds of the monotonic clock; decoding has just ended. The caller ends the span.
    """
    now = time.monotonic()
    at = record.coordinates
    attributes: Attributes = {
        **_SYSTEM,
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": at.topic,
        "messaging.destination.partition.id": str(at.partition),
        "messaging.kafka.offset": at.offset,
        "messaging.consumer.group.name": group_id,
        "messaging.message.body.size": len(record.value or b""),
    }
    span = tracer.start(
        f"process {at.topic}",
        SpanKind.CONSUMER,
        attributes,
        parent=TraceContext.from_headers(record.headers),
        age_seconds=now - record.polled,
    )
    tracer.past("decode", span, now - decode_began)
    return span


def send_span(tracer: Tracer, topics: Sequence[str], count: int) -> AbstractContextManager[Span]:
    """The span of publishing messages, current within the context."""
    name = f"send {topics[0]}" if len(set(topics)) == 1 else "send"
    return tracer.span(name, SpanKind.PRODUCER, _send_attributes(topics, count))


def start_message_span(tracer: Tracer, topic: str) -> Span:
    """Begin a trace with the sending of one message. The caller ends it when it is acknowledged."""
    return tracer.start(f"send {topic}", SpanKind.PRODUCER, _send_attributes((topic,), 1))


def _send_attributes(topics: Sequence[str], count: int) -> Attributes:
    only = {"messaging.destination.name": topics[0]} if len(set(topics)) == 1 else {}
    batch = {"messaging.batch.message_count": count} if count > 1 else {}
    operation = {"messaging.operation.type": "send", "messaging.operation.name": "send"}
    return {**_SYSTEM, **operation, **only, **batch}


def with_trace(message: Message, trace: TraceContext | None) -> Message:
    """Return a message with the headers of a trace context, if there is one."""
    return message if trace is None else with_headers(message, trace.headers())


def with_headers(message: Message, headers: tuple[tuple[str, bytes], ...]) -> Message:
    """Return a message with more headers."""
    return Message(message.topic, message.key, message.value, (*message.headers, *headers))
