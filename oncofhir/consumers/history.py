"""When the poll thread reads history: while the live partitions of this worker are caught up."""

import time
from collections.abc import Sequence
from contextlib import suppress

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from oncofhir.consumers.assignment import Assignment
from oncofhir.consumers.lanes import HistoryState, LaneRule, live_behind, next_state
from oncofhir.consumers.records import Partition
from oncofhir.settings import KafkaSettings

_ASK_SECONDS = 5.0  # between questions for the end of live partitions of which no fetch tells it
_ASK_MS = 1_000

log = structlog.get_logger(__name__)


class History:
    """Looks at the live partitions before each poll; belongs to the poll thread, but for `rests`."""

    def __init__(self, settings: KafkaSettings, assignment: Assignment) -> None:
        self.topics = frozenset(settings.history_topics)
        self._live = frozenset(settings.live_topics)
        self._assignment = assignment
        self._rule = LaneRule(settings.history_rests_above)
        self._state = HistoryState()
        self._next_question = 0.0
        self._ends: dict[TopicPartition, int] = {}

    @property
    def rests(self) -> bool:
        """Whether nothing of it is read now."""
        return self._state.rests

    def look(self, consumer: KafkaConsumer) -> None:
        """Decide anew whether it rests."""
        behind = self._live_behind(consumer)
        before = self._state
        self._state = next_state(before, behind, time.monotonic(), self._rule)
        if before.rests != self._state.rests:
            log.info("history rests" if self._state.rests else "history goes on", behind=behind)

    def _live_behind(self, consumer: KafkaConsumer) -> int | None:
        assigned = consumer.assignment()
        if not assigned:
            return None
        live = [at for at in assigned if at.topic in self._live]
        self._ends = {at: end for at, end in self._ends.items() if at in live}
        if time.monotonic() >= self._next_question:
            self._ask_ends(consumer, live)
        unread: dict[Partition, int] = {}
        for at in live:
            with suppress(KafkaError, KeyError):  # revoked since, on the IO thread
                end, position = consumer.highwater(at), consumer.position(at, timeout_ms=0)
                end = self._ends.get(at) if end is None else end
                if end is not None and position is not None:
                    unread[at.topic, at.partition] = end - position
        held, _ = self._assignment.load_of(self._live)
        return live_behind([(at.topic, at.partition) for at in live], unread, held)

    def _ask_ends(self, consumer: KafkaConsumer, live: Sequence[TopicPartition]) -> None:
        """Within a fetch session a broker tells nothing of a partition in which nothing happens."""
        with suppress(KafkaError, KeyError):
            unknown = [at for at in live if consumer.highwater(at) is None]
            if unknown:
                self._next_question = time.monotonic() + _ASK_SECONDS
                self._ends |= consumer.end_offsets(unknown, timeout_ms=_ASK_MS)
