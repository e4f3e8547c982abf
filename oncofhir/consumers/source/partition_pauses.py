"""Pauses and resumes partitions of the consumer before each poll."""

from contextlib import suppress

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import IllegalStateError

from oncofhir.consumers.kafka.records import Partition
from oncofhir.consumers.source.assignment import Assignment
from oncofhir.consumers.source.backfill import Backfill
from oncofhir.consumers.source.backpressure import InFlightBudget
from oncofhir.consumers.source.priority import partitions_to_pause
from oncofhir.settings import KafkaSettings


class PartitionPauses:
    """Applies what `partitions_to_pause` decides. Belongs to the poll thread, except for `count`."""

    def __init__(
        self,
        settings: KafkaSettings,
        assignment: Assignment,
        budget: InFlightBudget,
        backfill: Backfill,
    ) -> None:
        self._settings = settings
        self._assignment = assignment
        self._budget = budget
        self._backfill = backfill
        self._paused: frozenset[Partition] = frozenset()

    @property
    def count(self) -> int:
        """Number of paused partitions."""
        return len(self._paused)

    def apply(
        self, consumer: KafkaConsumer, *, pause_all: bool, pause_backfill: bool | None = None
    ) -> None:
        """Pause and resume partitions.

        `pause_all`: a dependency is unavailable or the worker stops. `pause_backfill` overrides whether
        backfill is paused.
        """
        assigned = {(at.topic, at.partition) for at in consumer.assignment()}
        paused = {(at.topic, at.partition) for at in consumer.paused()}
        wanted = partitions_to_pause(
            assigned,
            self._backfill.topics,
            everything=self._budget.is_exhausted or pause_all,
            over_replay_limit=self._assignment.over_replay_limit(
                self._settings.max_uncommitted_records
            ),
            backfill_paused=self._backfill.paused if pause_backfill is None else pause_backfill,
            backfill_exhausted=not self._budget.remaining_for(self._backfill.topics),
        )
        for partitions, change in (
            (wanted - paused, consumer.pause),
            (paused - wanted, consumer.resume),
        ):
            for partition in partitions:
                with suppress(KeyError, IllegalStateError):  # revoked since, on the IO thread
                    change(TopicPartition(*partition))
        self._paused = wanted
