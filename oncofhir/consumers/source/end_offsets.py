"""Where partitions end, and where those stand of which nothing was polled yet."""

import time
from contextlib import suppress

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import IllegalStateError, KafkaError

from oncofhir.consumers.kafka.records import Partition

_ASK_SECONDS = 5.0  # between questions for what no fetch tells
_ASK_MS = 1_000


class EndOffsets:
    """Looked at by the poll thread after each poll, read from anywhere.

    A fetch tells the end of its partitions; of one that is paused, or in which nothing happens within a
    fetch session, the broker is asked now and then.
    """

    def __init__(self) -> None:
        self._ends: dict[Partition, int] = {}
        self._starts: dict[Partition, int] = {}
        self._next_question = 0.0

    def end_of(self, partition: Partition) -> int | None:
        """The offset after the last record; None while it is not known."""
        return self._ends.get(partition)

    def position_of(self, partition: Partition) -> int | None:
        """The offset to read first, of a partition whose end had to be asked for."""
        return self._starts.get(partition)

    def refresh(self, consumer: KafkaConsumer) -> None:
        """Note what fetches told of the assigned partitions, and ask for the rest when it is time."""
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
        if unknown and time.monotonic() >= self._next_question:
            self._next_question = time.monotonic() + _ASK_SECONDS
            self._ask(consumer, unknown)

    def _ask(self, consumer: KafkaConsumer, unknown: list[TopicPartition]) -> None:
        with suppress(KafkaError, KeyError):
            asked = consumer.end_offsets(unknown, timeout_ms=_ASK_MS)
            self._ends |= {(at.topic, at.partition): end for at, end in asked.items()}
        for at in unknown:
            with suppress(KafkaError, KeyError):
                position = consumer.position(at, timeout_ms=0)
                if position is not None:
                    self._starts[at.topic, at.partition] = position
