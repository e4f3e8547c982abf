"""The end of a record of which a report failed: dead letter and outcome rows; and the cap on such ends."""

from dataclasses import dataclass, field
from datetime import datetime

from oncofhir.consumers.dead_letters.message import DeadLetterCap, ReportFailure, build_dead_letter
from oncofhir.consumers.kafka.publisher import Publisher
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.consumers.publishing.row_messages import dead_lettered, outcome_message
from oncofhir.schemas.event import ReportEvent
from oncofhir.schemas.outcome import OutcomeStatus
from oncofhir.settings import KafkaSettings, RetrySettings
from oncofhir.telemetry import metrics as m


@dataclass(eq=False)
class RecordProgress:
    """A record that is being dealt with: how many reports have no end yet, and why others failed."""

    record: SourceRecord
    open_reports: int
    first_tried: datetime
    failures: list[tuple[ReportFailure, ReportEvent | None]] = field(default_factory=list)
    is_counted: bool = False
    dead_letter_published: bool = False


class DeadLetterWriter:
    """Puts records among the dead letters; belongs to one event loop."""

    def __init__(
        self,
        publisher: Publisher,
        kafka: KafkaSettings,
        retry: RetrySettings,
        metrics: m.Metrics,
    ) -> None:
        self._publisher = publisher
        self._kafka = kafka
        self._metrics = metrics
        self._cap = DeadLetterCap(
            in_a_row=retry.max_consecutive_dead_letters, share=retry.max_dead_letter_ratio
        )
        self._is_over_cap = False

    def restore_count(self, dead_letters_in_a_row: int) -> None:
        """Know how the last reports ended before this process began."""
        self._cap.restore(dead_letters_in_a_row)

    def record_success(self) -> None:
        """A report came to a better end."""
        self._cap.record(dead=False)

    def count_and_check_cap(self, delivery: RecordProgress) -> bool:
        """Count a record among the dead letters, once, before it gets there; True when it must not."""
        if not delivery.is_counted:
            delivery.is_counted = True
            self._is_over_cap |= self._cap.record(dead=True)
        return self._is_over_cap

    async def write(self, delivery: RecordProgress) -> None:
        """Publish the dead letter, and then an outcome row for each report that failed.

        Called again after an error, it goes on where it was.

        Raises:
            DependencyUnavailable: the broker did not acknowledge.
            RequestRejected, AccessDenied: it refuses the letter, or us.
        """
        record = delivery.record
        failures = [failure for failure, _ in delivery.failures]
        if not delivery.dead_letter_published:
            letter = build_dead_letter(
                record, failures, delivery.first_tried, self._kafka.dead_letter_topic
            )
            await self._publisher.publish([letter])
            delivery.dead_letter_published = True
        await self._publisher.publish(
            [
                outcome_message(
                    dead_lettered(event.source if event else None, failure.reason, record),
                    record,
                    self._kafka,
                )
                for failure, event in delivery.failures
            ]
        )
        self._metrics.count(m.DEAD_LETTERS, failures[0].reason.value)
        for failure in failures:
            self._metrics.count(m.REPORTS, OutcomeStatus.DEAD_LETTERED.value, failure.reason.value)
