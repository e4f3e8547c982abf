"""Handles assigned, revoked and lost partitions.

Revoked: commit what is finished and drop the rest, which the next owner processes again. Lost: the group has
continued without this worker, so nothing may be committed any more.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from oncofhir.consumers.kafka.records import Partition
from oncofhir.consumers.source.assignment import Assignment

log = structlog.get_logger(__name__)


class RebalanceListener(AsyncConsumerRebalanceListener):  # type: ignore[misc]  # untyped base
    """Runs on kafka-python's IO thread, where only `commit_async` may be called and nothing may block.

    `on_dropped` receives partitions that no longer belong to this worker. Partitions of the topics
    `begin_paused` are paused before anything is fetched from them.
    """

    def __init__(
        self,
        consumer: KafkaConsumer,
        assignment: Assignment,
        on_dropped: Callable[[Sequence[Partition]], None],
        begin_paused: Collection[str] = (),
    ) -> None:
        self._consumer = consumer
        self._assignment = assignment
        self._on_dropped = on_dropped
        self._begin_paused = begin_paused

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Start an epoch of each partition."""
        self._assignment.assign(_partitions(assigned))
        self._consumer.pause(*(at for at in assigned if at.topic in self._begin_paused))
        log.info("partitions assigned", partitions=_labels(assigned))

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Commit, then drop. Records whose commit fails are read again by the next owner."""
        offsets = self._assignment.uncommitted(_partitions(revoked))
        if offsets:
            try:
                await self._consumer.commit_async(offsets_to_commit(offsets))
            except KafkaError as error:
                log.warning(
                    "commit on revoke failed; its records will be redelivered",
                    error=type(error).__name__,
                )
        self._on_dropped(_partitions(revoked))
        log.info("partitions revoked", partitions=_labels(revoked))

    async def on_partitions_lost(self, lost: Sequence[TopicPartition]) -> None:
        """Drop."""
        self._on_dropped(_partitions(lost))
        log.warning("partitions lost", partitions=_labels(lost))


def offsets_to_commit(offsets: Mapping[Partition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
    """Convert offsets to the client's types."""
    return {TopicPartition(*p): OffsetAndMetadata(offset, "", -1) for p, offset in offsets.items()}


def _partitions(partitions: Sequence[TopicPartition]) -> list[Partition]:
    return [(at.topic, at.partition) for at in partitions]


def _labels(partitions: Sequence[TopicPartition]) -> list[str]:
    return sorted(f"{at.topic}/{at.partition}" for at in partitions)
