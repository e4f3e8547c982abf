"""Records that were fetched of a partition before it was paused.

kafka-python 3.0.12 parks them and takes them up again only while its slot for the records in hand is
None. A slot that was read to its end is not None: what is parked, and with it its partition, would stand
still until another partition brings records.
"""

from kafka import KafkaConsumer


def release_drained_buffer(consumer: KafkaConsumer) -> None:
    """Empty a slot that was read to its end. On the polling thread, before a poll."""
    fetcher = getattr(consumer, "_fetcher", None)
    if fetcher is None:
        return
    in_hand = getattr(fetcher, "_next_partition_records", None)
    if in_hand is not None and not in_hand:
        fetcher._next_partition_records = None  # noqa: SLF001 - there is no other way to it
