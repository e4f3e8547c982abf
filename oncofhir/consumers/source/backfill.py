"""Backfill: topics that are read only while the live partitions of this worker are caught up."""

import time
from contextlib import suppress

import structlog
from kafka import KafkaConsumer
from kafka.errors import KafkaError

from oncofhir.consumers.kafka.records import Partition
from oncofhir.consumers.source.assignment import Assignment
from oncofhir.consumers.source.end_offsets import EndOffsets
from oncofhir.consumers.source.priority import BackfillRule, BackfillState, live_lag, next_state
from oncofhir.settings import KafkaSettings

log = structlog.get_logger(__name__)


class Backfill:
    """Measures the live lag before each poll. Belongs to the poll thread, except for `paused`."""

    def __init__(
        self, settings: KafkaSettings, assignment: Assignment, end_offsets: EndOffsets
    ) -> None:
        self.topics = frozenset(settings.backfill_topics)
        self._live = frozenset(settings.live_topics)
        self._assignment = assignment
        self._rule = BackfillRule(settings.backfill_pause_above)
        self._state = BackfillState()
        self._end_offsets = end_offsets

    @property
    def paused(self) -> bool:
        """Whether no backfill record is read now."""
        return self._state.paused

    def update(self, consumer: KafkaConsumer) -> None:
        """Decide again whether backfill is paused."""
        lag = self._live_lag(consumer)
        before = self._state
        self._state = next_state(before, lag, time.monotonic(), self._rule)
        if before.paused != self._state.paused:
            log.info("backfill paused" if self._state.paused else "backfill resumed", live_lag=lag)

    def _live_lag(self, consumer: KafkaConsumer) -> int | None:
        assigned = consumer.assignment()
        if not assigned:
            return None
        live = [at for at in assigned if at.topic in self._live]
        unread: dict[Partition, int] = {}
        for at in live:
            with suppress(KafkaError, KeyError):  # revoked since, on the IO thread
                end = self._end_offsets.end_of((at.topic, at.partition))
                position = consumer.position(at, timeout_ms=0)
                if end is not None and position is not None:
                    unread[at.topic, at.partition] = end - position
        in_flight, _ = self._assignment.in_flight_of(self._live)
        return live_lag([(at.topic, at.partition) for at in live], unread, in_flight)
