"""The end offset (high watermark) of each assigned partition, and positions before the first record."""

import time
from contextlib import suppress

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import IllegalStateError, KafkaError

from oncofhir.consumers.kafka.records import Partition

_REQUEST_INTERVAL_SECONDS = 5.0  # between requests for end offsets that no fetch has returned
_REQUEST_TIMEOUT_MS = 1_000


class EndOffsets:
    """Refreshed by the poll thread after each poll; readable from any thread.

    A fetch returns the end offset of its partitions. For a partition that is paused or idle the broker is
    asked every few seconds.
    """

    def __init__(self) -> None:
        self._ends: dict[Partition, int] = {}
        self._positions: dict[Partition, int] = {}
        self._next_request_at = 0.0

    def end_of(self, partition: Partition) -> int | None:
        """Return the offset after the last record, or None while it is not known."""
        return self._ends.get(partition)

    def position_of(self, partition: Partition) -> int | None:
        """Return the offset to read first, for a partition whose end had to be requested."""
        return self._positions.get(partition)

    def refresh(self, consumer: KafkaConsumer) -> None:
        """Take the end offsets of the last fetches, and request the missing ones when it is time."""
        unknown: list[TopicPartition] = []
        ends: dict[Partition, int] = {}
        for at in consumer.assignment():
            partition = (at.topic, at.partition)
            with suppress(IllegalStateError, KeyError):  # revoked since, on the IO thread
                end = consumer.highwater(at)
                if end is None:
                    unknown.append(at)
                    end = self._ends.get(partition)
                if end is not None:
                    ends[partition] = end
        self._ends = ends
        if unknown and time.monotonic() >= self._next_request_at:
            self._next_request_at = time.monotonic() + _REQUEST_INTERVAL_SECONDS
            self._request(consumer, unknown)

    def _request(self, consumer: KafkaConsumer, unknown: list[TopicPartition]) -> None:
        with suppress(KafkaError, KeyError):
            ends = consumer.end_offsets(unknown, timeout_ms=_REQUEST_TIMEOUT_MS)
            self._ends |= {(at.topic, at.partition): end for at, end in ends.items()}
        for at in unknown:
            with suppress(KafkaError, KeyError):
                position = consumer.position(at, timeout_ms=0)
                if position is not None:
                    self._positions[at.topic, at.partition] = position
