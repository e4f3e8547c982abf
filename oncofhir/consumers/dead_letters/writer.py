"""Writes dead letters and the outcome rows of their reports, and counts them against the limit."""

from dataclasses import dataclass, field
from datetime import datetime

import structlog

from oncofhir.consumers.dead_letters.cap import DeadLetterCap
from oncofhir.consumers.dead_letters.message import (
    TRACE_OF_FAILURE,
    ReportFailure,
    build_dead_letter,
    build_reference,
)
from oncofhir.consumers.kafka.publisher import Message, Publisher
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.consumers.publishing.row_messages import dead_lettered, outcome_message
from oncofhir.consumers.tracing.messaging import send_span, with_headers, with_trace
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.event import ReportEvent
from oncofhir.schemas.outcome import OutcomeStatus
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer, carried
from oncofhir.settings import KafkaSettings, RetrySettings
from oncofhir.telemetry import metrics as m
from oncofhir.telemetry.registry import Metrics

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class RecordProgress:
    """A record in progress: how many of its reports are open, and why others failed."""

    record: SourceRecord
    open_reports: int
    first_tried: datetime
    failures: list[tuple[ReportFailure, ReportEvent | None]] = field(default_factory=list)
    is_counted: bool = False
    dead_letter_published: bool = False


class DeadLetterWriter:
    """Sends records to the dead-letter topic. Belongs to one event loop."""

    def __init__(
        self,
        publisher: Publisher,
        kafka: KafkaSettings,
        retry: RetrySettings,
        metrics: Metrics,
        tracer: Tracer = NO_TRACING,
    ) -> None:
        self._publisher = publisher
        self._tracer = tracer
        self._kafka = kafka
        self._metrics = metrics
        self._cap = DeadLetterCap(
            in_a_row=retry.max_consecutive_dead_letters, share=retry.max_dead_letter_ratio
        )
        self._is_over_cap = False

    def restore_count(self, consecutive: int) -> None:
        """Restore the number of consecutive dead letters from before the restart."""
        self._cap.restore(consecutive)

    def record_success(self) -> None:
        """Record that a report ended without a dead letter."""
        self._cap.record(dead=False)

    def count_and_check_cap(self, progress: RecordProgress) -> bool:
        """Count a record before it is dead-lettered, once. Return True when the limit forbids it."""
        if not progress.is_counted:
            progress.is_counted = True
            self._is_over_cap |= self._cap.record(dead=True)
        return self._is_over_cap

    async def write(self, progress: RecordProgress) -> None:
        """Publish the dead letter, and then an outcome row for each report that failed.

        Called again after an error, it continues where it was.

        Raises:
            DependencyUnavailable: the broker did not acknowledge.
            RequestRejected, AccessDenied: it refuses even the reference, or the credentials.
        """
        record = progress.record
        failures = [failure for failure, _ in progress.failures]
        if not progress.dead_letter_published:
            await self._publish_letter(progress, failures)
            progress.dead_letter_published = True
        outcomes = [
            outcome_message(
                dead_lettered(event.source if event else None, failure.reason, record),
                record,
                self._kafka,
            )
            for failure, event in progress.failures
        ]
        with send_span(self._tracer, [self._kafka.outcome_topic], len(outcomes)):
            trace = carried(self._tracer, record.headers)
            await self._publisher.publish([with_trace(outcome, trace) for outcome in outcomes])
        self._metrics.count(m.DEAD_LETTERS, failures[0].reason.value)
        for failure in failures:
            self._metrics.count(m.REPORTS, OutcomeStatus.DEAD_LETTERED.value, failure.reason.value)

    async def _publish_letter(
        self, progress: RecordProgress, failures: list[ReportFailure]
    ) -> None:
        record, topic = progress.record, self._kafka.dead_letter_topic
        try:
            await self._send(build_dead_letter(record, failures, progress.first_tried, topic))
        except RequestRejected as error:  # too large for the topic or the broker, or refused there
            log.warning(
                "record cannot be copied to the dead-letter topic; a reference to it is written",
                record=str(record.coordinates),
                bytes=record.size,
                detail=error.detail,
                remedy="raise max.message.bytes of the dead-letter topic and "
                "ONCOFHIR_KAFKA__MAX_REQUEST_BYTES; keep the source topic's records until they are replayed",
            )
            await self._send(build_reference(record, failures, progress.first_tried, topic))

    async def _send(self, letter: Message) -> None:
        """Publish a dead letter. The publisher's trace headers stay; ours has a name of its own."""
        with send_span(self._tracer, [letter.topic], 1):
            trace = self._tracer.current()
            ours = () if trace is None else ((TRACE_OF_FAILURE, trace.traceparent.encode("ascii")),)
            await self._publisher.publish([with_headers(letter, ours)])
