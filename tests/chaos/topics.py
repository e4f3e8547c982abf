"""Reads whole topics and a group's lag with kafka-python alone; nothing of oncofhir's is used."""

import time
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

_SILENCE_SECONDS = 30.0


class CannotRead(Exception):
    """A topic did not give its records in time."""


def records_of(address: str, topic: str) -> list[Any]:
    """Every record of a topic, partition after partition, in offset order.

    Raises:
        CannotRead: nothing came for 30 s before the end was reached.
    """
    consumer = KafkaConsumer(
        bootstrap_servers=address,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    try:
        at = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(at)
        consumer.seek_to_beginning(*at)
        ends = consumer.end_offsets(at)
        found: list[Any] = []
        moved = time.monotonic()
        while any(consumer.position(partition) < ends[partition] for partition in at):
            for polled in consumer.poll(500).values():
                found += polled
                moved = time.monotonic()
            if time.monotonic() - moved > _SILENCE_SECONDS:
                raise CannotRead(topic)
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        consumer.close()


def lag(address: str, group: str, topics: tuple[str, ...]) -> int | None:
    """Records between a group's committed offsets and the ends; None when the broker does not say."""
    try:
        ends = end_offsets(address, topics)
        admin = KafkaAdminClient(bootstrap_servers=address)
        try:
            committed = admin.list_group_offsets({group: None})[group]
        finally:
            admin.close()
    except KafkaError:
        return None
    return sum(end - _offset(committed.get(at)) for at, end in ends.items())


def _offset(committed: Any) -> int:
    return max(0, getattr(committed, "offset", 0) or 0)


def end_offsets(address: str, topics: tuple[str, ...]) -> dict[TopicPartition, int]:
    """Where each partition of the topics ends."""
    consumer = KafkaConsumer(bootstrap_servers=address, group_id=None)
    try:
        at = [
            TopicPartition(topic, number)
            for topic in topics
            for number in consumer.partitions_for_topic(topic) or ()
        ]
        return dict(consumer.end_offsets(at))
    finally:
        consumer.close()
