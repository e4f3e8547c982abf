"""Records that the broker removed before this group had read them: by retention, or by an operator.

Kafka's client goes on at the first record that is left and says nothing (`auto_offset_reset`); whoever
answers for completeness must know that there was more.
"""

from collections.abc import Callable
from contextlib import suppress

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from oncofhir.consumers.kafka.records import AssignmentEpoch

_ASK_MS = 1_000

log = structlog.get_logger(__name__)


class RetentionGapDetector:
    """Belongs to the poll thread. `told` gets the topic and how many offsets were skipped."""

    def __init__(self, on_gap: Callable[[str, int], None]) -> None:
        self._on_gap = on_gap
        self._next: dict[TopicPartition, tuple[AssignmentEpoch, int]] = {}

    def check(
        self, consumer: KafkaConsumer, at: TopicPartition, tenure: AssignmentEpoch, offset: int
    ) -> None:
        """Note a record that is taken up; ask the broker where it does not follow on the one before.

        A gap alone proves nothing: compaction and transactions leave some. What lies before the
        partition's beginning was removed.
        """
        before, expected = self._next.get(at, (None, None))
        self._next[at] = (tenure, offset + 1)
        if before == tenure and expected == offset:
            return
        with suppress(KafkaError, KeyError):
            if before != tenure:  # another may have had the partition meanwhile
                expected = consumer.committed(at, timeout_ms=_ASK_MS)
            if expected is None or expected >= offset:
                return
            beginning = consumer.beginning_offsets([at], timeout_ms=_ASK_MS)[at]
            count = min(beginning, offset) - expected
            if count > 0:
                log.error(
                    "records were removed from the topic before they were read",
                    topic=at.topic,
                    partition=at.partition,
                    first_offset=expected,
                    records=count,
                    remedy="have their source publish them again; raise the topic's retention",
                )
                self._on_gap(at.topic, count)
