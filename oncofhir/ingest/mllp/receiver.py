"""A message becomes events on the input topics before it is acknowledged, or is refused.

A refused message that has a header and could hold a report is also written to the dead-letter topic, so
that it can be corrected and replayed; one of another type is not, for it is no report. A message that the
sender repeats is written there once.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from datetime import UTC, datetime

import structlog

from oncofhir.consumers.dead_letters.message import (
    MLLP,
    ReportFailure,
    build_dead_letter,
    build_reference,
)
from oncofhir.consumers.kafka.publisher import Message
from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, SourceRecord
from oncofhir.consumers.tracing.messaging import with_trace
from oncofhir.fhir.hl7v2.events import read_events
from oncofhir.ingest.mllp.acknowledgement import Header, Problem, Verdict, acknowledgement
from oncofhir.ingest.mllp.framing import Frame, Framing
from oncofhir.ingest.publishing.event_messages import event_message
from oncofhir.ingest.publishing.event_publisher import EventPublisher
from oncofhir.schemas.errors import OncofhirError, RequestRejected, UnreadableReport
from oncofhir.schemas.event import ReportEvent
from oncofhir.schemas.identity import sha256_of
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.tracing.tracer import NO_TRACING, Span, SpanKind, Tracer
from oncofhir.settings import Hl7v2Settings, KafkaSettings, MllpSettings
from oncofhir.telemetry import ingest_metrics as m
from oncofhir.telemetry.logging import described
from oncofhir.telemetry.registry import Metrics

log = structlog.get_logger(__name__)

_ORIGIN = "hl7v2"
_IN_THREAD_BYTES = 16 * 1024  # about 15 ms of parsing
_REMEMBERED = 1000  # refused messages whose dead letter is not repeated
_NOT_KEPT = frozenset({Reason.UNSUPPORTED_HL7V2_EVENT, Reason.UNSUPPORTED_PROCESSING_ID})


class MessageReceiver:
    """Publishes the reports of messages. `receive` returns the answer once the broker has them."""

    def __init__(
        self,
        publisher: EventPublisher,
        kafka: KafkaSettings,
        mllp: MllpSettings,
        hl7v2: Hl7v2Settings,
        metrics: Metrics,
        tracer: Tracer = NO_TRACING,
    ) -> None:
        self._publisher = publisher
        self._kafka = kafka
        self._mllp = mllp
        self._hl7v2 = hl7v2
        self._metrics = metrics
        self._tracer = tracer
        self._refused: OrderedDict[str, None] = OrderedDict()

    async def receive(self, frame: Frame) -> bytes | None:
        """Return the answer to a frame, or None if the sender wants none. Raises nothing."""
        with self._tracer.span("receive MLLP", SpanKind.SERVER) as span:
            return await self._answer(frame, span)

    async def _answer(self, frame: Frame, span: Span) -> bytes | None:
        header = Header.of(frame.content)
        problem: Problem | None = None
        verdict = Verdict.ACCEPTED
        try:
            await self._accept(frame, header)
        except UnreadableReport as error:
            problem = Problem.of(error)
            verdict = await self._refuse(frame, header, problem)
        except RequestRejected as error:  # the broker does not take an event of this size
            problem = Problem(error.reason)
            verdict = await self._refuse(frame, header, problem)
        except OncofhirError as error:
            problem, verdict = Problem(error.reason), Verdict.TRY_AGAIN
        except Exception as error:  # noqa: BLE001 - a bug, whose message may quote the report
            log.error("message failed", **described(error))  # noqa: TRY400 - no traceback: it may quote PHI
            problem, verdict = Problem(Reason.UNEXPECTED), Verdict.TRY_AGAIN
        reason = "" if problem is None else problem.reason.value
        self._metrics.count(m.MLLP_MESSAGES, verdict.name.lower().replace("_", "-"), reason)
        if problem is not None:
            span.fail(reason)
            log.warning(
                "HL7 v2 message not accepted",
                answer="AR" if verdict is Verdict.REFUSED else "AE",
                reason=reason,
                location=problem.location,
                detail=problem.detail,
                control_id_sha256=sha256_of(header.control_id)[:24],
            )
        return acknowledgement(header, verdict, problem)

    async def _accept(self, frame: Frame, header: Header) -> None:
        if frame.framing is Framing.TOO_LARGE:
            detail = f"larger than {self._mllp.max_message_bytes} bytes"
            raise UnreadableReport(Reason.MESSAGE_TOO_LARGE, "MSH", detail)
        if frame.framing is not Framing.WHOLE:
            raise UnreadableReport(Reason.INVALID_HL7V2, "MSH", "the frame has no end block")
        processing = header.field(11).split(header.marks[0])[0].upper()
        if processing and processing not in self._mllp.processing_ids.split():
            allowed = "ONCOFHIR_MLLP__PROCESSING_IDS"
            raise UnreadableReport(Reason.UNSUPPORTED_PROCESSING_ID, "MSH-11", f"not in {allowed}")
        events = await self._read(frame.content)
        trace = self._tracer.current()
        messages = [with_trace(self._message(event), trace) for event in events]
        await self._publisher.publish(*messages, origin=_ORIGIN)

    async def _read(self, content: bytes) -> tuple[ReportEvent, ...]:
        if len(content) < _IN_THREAD_BYTES:
            return read_events(content, self._hl7v2)
        return await asyncio.to_thread(read_events, content, self._hl7v2)

    def _message(self, event: ReportEvent) -> Message:
        # Its Patient is not published: the findings refer to that of the FHIR server.
        return event_message(event.model_copy(update={"companions": ()}), self._kafka)

    async def _refuse(self, frame: Frame, header: Header, problem: Problem) -> Verdict:
        """Keep a refused message as a dead letter; if that fails the sender has to keep it."""
        is_kept = problem.reason not in _NOT_KEPT and frame.framing is not Framing.TOO_LARGE
        digest = hashlib.sha256(frame.content).hexdigest()
        if not (is_kept and header.fields) or digest in self._refused:
            return Verdict.REFUSED
        try:
            await self._publish_dead_letter(frame.content, problem)
        except OncofhirError as error:
            log.warning("dead letter of a refused message not written", reason=error.reason.value)
            return Verdict.TRY_AGAIN
        self._refused[digest] = None
        if len(self._refused) > _REMEMBERED:
            self._refused.popitem(last=False)
        self._metrics.count(m.MLLP_DEAD_LETTERS, problem.reason.value)
        return Verdict.REFUSED

    async def _publish_dead_letter(self, content: bytes, problem: Problem) -> None:
        now = datetime.now(UTC)
        record = _as_record(content, self._kafka.diagnostic_report_topic, now)
        failure = ReportFailure(
            problem.reason, MLLP, 1, location=problem.location, detail=problem.detail
        )
        topic = self._kafka.dead_letter_topic
        try:
            await self._publisher.publish(build_dead_letter(record, [failure], now, topic))
        except RequestRejected:
            await self._publisher.publish(build_reference(record, [failure], now, topic))


def _as_record(content: bytes, topic: str, now: datetime) -> SourceRecord:
    """Return the message as a record of its topic, where a replay puts it; it never was in a partition."""
    return SourceRecord(
        coordinates=Coordinates(topic, -1, -1),
        epoch=AssignmentEpoch(topic, -1, 0),
        timestamp=int(now.timestamp() * 1000),
        polled=time.monotonic(),
        key=None,
        value=content,
        headers=(),
    )
