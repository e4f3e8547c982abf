"""All records of a topic, read to its end and not until nothing comes for a while."""

import gc
import warnings
from typing import Any

from kafka import KafkaConsumer, TopicPartition


def records_of(bootstrap_servers: str, topic: str) -> list[Any]:
    """All records of a topic, over all partitions, in offset order within each.

    Whole batches are asked for: Tansu takes the last batch for one record when it is asked for the end, so
    that the end that it gives lies within that batch.
    """
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=1_000_000,
    )
    try:
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        found: list[Any] = []
        while any(consumer.position(at) < ends[at] for at in partitions):
            for batch in consumer.poll(timeout_ms=500).values():
                found += batch
        return found
    finally:
        consumer.close()
        del consumer
        collect_sockets()


def collect_sockets() -> None:
    """Collect what kafka-python left open, so that it cannot fail a test whenever Python collects it.

    kafka-python 3.0.12 does not close the sockets of refused connections and of cancelled requests.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
