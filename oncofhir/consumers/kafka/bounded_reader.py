"""Reads topics without a consumer group, up to the end offsets at the start of the read.

Records published meanwhile are not waited for, so that a command which publishes what it reads terminates.
At most the records fetched together with the last one are read beyond the end. (Tansu counts the last batch
as one record when it is asked for the end offset; so none of it is left out.)
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from oncofhir.consumers.kafka.groupless_consumer import groupless_consumer, translating
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings

_POLL_MS = 500
_STUCK_SECONDS = 30.0
_MAX_POLL_RECORDS = 10_000  # all that one fetch of a partition returns, about 1 MB
_ABSENT_SECONDS = 2.0


class BoundedReader:
    """Reads records and commits nothing. Blocking; for one thread.

    Every method raises DependencyUnavailable or AccessDenied for the broker, and RequestRejected
    when there is no such topic.
    """

    def __init__(self, consumer: KafkaConsumer, settings: KafkaSettings) -> None:
        self._consumer = consumer
        self._settings = settings

    def read_to_end(self, topic: str, since_ms: int | None = None) -> Iterator[Any]:
        """Yield the records of a topic, partition after partition, in offset order within each.

        `since_ms`: start at the first record of at least this timestamp (epoch milliseconds); later records
        may be older.
        """
        with translating(self._settings):
            partitions = self._partitions(topic)
            ends = self._consumer.end_offsets(partitions)
            begins = self._consumer.beginning_offsets(partitions)
            if since_ms is not None:
                found = self._consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
                begins = {at: _begin(found.get(at), since_ms, ends[at]) for at in partitions}
            yield from self._spans(begins, ends)

    def read_last(self, topic: str, limit: int) -> Iterator[Any]:
        """Yield the records of the last `limit` offsets of each partition, in offset order within each."""
        with translating(self._settings):
            partitions = self._partitions(topic)
            ends = self._consumer.end_offsets(partitions)
            begins = self._consumer.beginning_offsets(partitions)
            begins = {at: max(begins[at], ends[at] - limit) for at in partitions}
            yield from self._spans(begins, ends)

    def offsets(self, topic: str) -> dict[int, tuple[int, int]]:
        """Return the first offset and the end offset of each partition."""
        with translating(self._settings):
            partitions = self._partitions(topic)
            ends = self._consumer.end_offsets(partitions)
            begins = self._consumer.beginning_offsets(partitions)
            return {at.partition: (begins[at], ends[at]) for at in partitions}

    def read_one(self, topic: str, partition: int, offset: int) -> Any | None:
        """Return the record at an offset, or None when it does not exist (any more, or yet)."""
        with translating(self._settings):
            at = TopicPartition(topic, partition)
            if at not in self._partitions(topic):
                return None
            if offset < self._consumer.beginning_offsets([at])[at]:
                return None
            is_there = offset < self._consumer.end_offsets([at])[at]
            self._consumer.assign([at])
            self._consumer.seek(at, offset)
            deadline = time.monotonic() + (_STUCK_SECONDS if is_there else _ABSENT_SECONDS)
            while self._consumer.position(at) <= offset:
                for record in self._consumer.poll(_POLL_MS, max_records=1).get(at, ()):
                    return record if record.offset == offset else None
                if time.monotonic() > deadline:
                    if is_there:
                        raise _stalled(at, offset, offset + 1)
                    break
            return None

    def _partitions(self, topic: str) -> list[TopicPartition]:
        numbers = self._consumer.partitions_for_topic(topic)
        if not numbers:
            raise RequestRejected(Reason.BROKER_REJECTED, topic, "no such topic")
        return [TopicPartition(topic, number) for number in sorted(numbers)]

    def _spans(
        self, begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> Iterator[Any]:
        for at, begin in begins.items():
            if begin < ends[at]:
                yield from self._span(at, begin, ends[at])

    def _span(self, at: TopicPartition, begin: int, end: int) -> Iterator[Any]:
        self._consumer.assign([at])
        self._consumer.seek(at, begin)
        moved = time.monotonic()
        # The position, not the last record: compaction and transactions leave offsets without a record.
        position = begin
        while position < end:
            yield from self._consumer.poll(_POLL_MS, max_records=_MAX_POLL_RECORDS).get(at, ())
            now, before = time.monotonic(), position
            position = self._consumer.position(at)
            if position > before:
                moved = now
            elif now - moved > _STUCK_SECONDS:
                raise _stalled(at, position, end)


def _begin(found: Any | None, since_ms: int, end: int) -> int:
    """Return the offset of the first record of a time, or the end offset where there is none.

    Tansu then answers offset 0 and timestamp -1, Apache Kafka nothing.
    """
    return end if found is None or found.timestamp < since_ms else int(found.offset)


def _stalled(at: TopicPartition, position: int, end: int) -> DependencyUnavailable:
    said = f"stopped at offset {position} of {end}"
    return DependencyUnavailable(Reason.BROKER_UNREACHABLE, at.topic, said)


@contextmanager
def bounded_reader(settings: KafkaSettings) -> Iterator[BoundedReader]:
    """Open a reader that has reached the broker.

    Raises:
        DependencyUnavailable, AccessDenied: the broker cannot be reached, or refuses the credentials.
    """
    consumer = groupless_consumer(settings, "reader", auto_offset_reset="earliest")
    with closing(consumer):
        yield BoundedReader(consumer, settings)
