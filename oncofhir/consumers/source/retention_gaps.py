"""Detects records that the broker deleted before this group read them: by retention, or by an operator.

Kafka's client continues at the first record that is left and reports nothing (`auto_offset_reset`). Without
this check a gap in the input would go unnoticed.
"""

from collections.abc import Callable
from contextlib import suppress

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from oncofhir.consumers.kafka.records import AssignmentEpoch

_REQUEST_TIMEOUT_MS = 1_000

log = structlog.get_logger(__name__)


class RetentionGapDetector:
    """Belongs to the poll thread. `on_gap` receives the topic and the number of skipped offsets."""

    def __init__(self, on_gap: Callable[[str, int], None]) -> None:
        self._on_gap = on_gap
        self._next: dict[TopicPartition, tuple[AssignmentEpoch, int]] = {}

    def check(
        self, consumer: KafkaConsumer, at: TopicPartition, epoch: AssignmentEpoch, offset: int
    ) -> None:
        """Remember a polled record. Where it does not follow the one before, ask the broker why.

        A gap alone proves nothing: compaction and transactions leave gaps. Records before the partition's
        beginning offset were deleted.
        """
        before, expected = self._next.get(at, (None, None))
        self._next[at] = (epoch, offset + 1)
        if before == epoch and expected == offset:
            return
        with suppress(KafkaError, KeyError):
            if before != epoch:  # another worker may have had the partition meanwhile
                expected = consumer.committed(at, timeout_ms=_REQUEST_TIMEOUT_MS)
            if expected is None or expected >= offset:
                return
            beginning = consumer.beginning_offsets([at], timeout_ms=_REQUEST_TIMEOUT_MS)[at]
            count = min(beginning, offset) - expected
            if count > 0:
                log.error(
                    "records were deleted from the topic before they were read",
                    topic=at.topic,
                    partition=at.partition,
                    first_offset=expected,
                    records=count,
                    remedy="publish them again from their source; raise the topic's retention.ms",
                )
                self._on_gap(at.topic, count)
