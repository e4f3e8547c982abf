"""Reads topics outside of any consumer group, from offsets that the caller keeps or from the end."""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import OffsetOutOfRangeError

from oncofhir.consumers.kafka.groupless_consumer import groupless_consumer, translating
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings

_DISCOVERY_SECONDS = 30.0
_OUT_OF_RANGE = (
    "the stored offset is greater than the topic's end: the topic was deleted and created again, or its log "
    "was cut; land it in a new table"
)
_FETCH_BYTES = 4 * 2**20  # of a partition: a backlog is read in few fetches


class AssignedReader:
    """Reads all partitions of topics from given offsets; commits nothing. Blocking; for one thread.

    Every method raises DependencyUnavailable or AccessDenied for the broker, and RequestRejected where
    the broker has no such topic.
    """

    def __init__(self, consumer: KafkaConsumer, settings: KafkaSettings) -> None:
        self._consumer = consumer
        self._settings = settings
        self._topics: tuple[str, ...] = ()
        self._looked_at = 0.0

    def start(
        self, offsets: Mapping[str, Mapping[int, int]]
    ) -> list[tuple[TopicPartition, int, int]]:
        """Assign the topics' partitions, each from its offset or from the beginning.

        Returns the partitions whose offset is gone, as (partition, wanted, first kept): retention or
        compaction has removed the records before.
        """
        with translating(self._settings):
            self._topics = tuple(offsets)
            partitions = [p for topic in self._topics for p in self._partitions(topic)]
            self._consumer.assign(partitions)
            begins = self._consumer.beginning_offsets(partitions)
            gaps = []
            for at in partitions:
                wanted = offsets[at.topic].get(at.partition, begins[at])
                if wanted < begins[at]:
                    gaps.append((at, wanted, begins[at]))
                self._consumer.seek(at, max(wanted, begins[at]))
            self._looked_at = time.monotonic()
            return gaps

    def start_at_end(self, topics: Collection[str]) -> None:
        """Assign the topics' partitions from their end offsets: what is published from now on is read."""
        with translating(self._settings):
            self._topics = tuple(topics)
            partitions = [p for topic in self._topics for p in self._partitions(topic)]
            self._consumer.assign(partitions)
            self._consumer.seek_to_end(*partitions)
            for partition in partitions:
                self._consumer.position(partition)
            self._looked_at = time.monotonic()

    def poll(self, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, list[Any]]:
        """Return the next records by partition; none when nothing came in time. Finds new partitions."""
        with translating(self._settings):
            if time.monotonic() - self._looked_at > _DISCOVERY_SECONDS:
                self._assign_new_partitions()
            try:
                found: Mapping[TopicPartition, list[Any]] = self._consumer.poll(
                    timeout_ms, max_records=max_records
                )
            except OffsetOutOfRangeError as error:
                raise RequestRejected(
                    Reason.BROKER_REJECTED, ", ".join(self._topics), _OUT_OF_RANGE
                ) from error
            return found

    def lag(self) -> int:
        """Return how many offsets lie between the position and the end of all partitions."""
        with translating(self._settings):
            partitions = list(self._consumer.assignment())
            ends = self._consumer.end_offsets(partitions)
            return sum(max(0, ends[at] - self._consumer.position(at)) for at in partitions)

    def _assign_new_partitions(self) -> None:
        known = set(self._consumer.assignment())
        wanted = {p for topic in self._topics for p in self._partitions(topic)}
        if wanted - known:
            positions = {at: self._consumer.position(at) for at in known}
            self._consumer.assign(sorted(wanted | known))
            for at in wanted | known:
                if at in positions:
                    self._consumer.seek(at, positions[at])
                else:
                    self._consumer.seek_to_beginning(at)
        self._looked_at = time.monotonic()

    def _partitions(self, topic: str) -> list[TopicPartition]:
        numbers = self._consumer.partitions_for_topic(topic)
        if not numbers:
            raise RequestRejected(Reason.BROKER_REJECTED, topic, "no such topic")
        return [TopicPartition(topic, number) for number in sorted(numbers)]


@contextmanager
def assigned_reader(settings: KafkaSettings, client: str) -> Iterator[AssignedReader]:
    """Yield a reader that has reached the broker; `client` names it in the broker's log.

    Raises:
        DependencyUnavailable, AccessDenied: the broker cannot be reached, or refuses the credentials.
    """
    consumer = groupless_consumer(
        settings, client, auto_offset_reset="none", max_partition_fetch_bytes=_FETCH_BYTES
    )
    with closing(consumer):
        yield AssignedReader(consumer, settings)
