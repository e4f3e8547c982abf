"""Works around kafka-python 3.0.12: records fetched before a pause are not delivered after the resume.

The client sets such records aside and returns to them only while its current buffer
(`_next_partition_records`) is None. A buffer that was read to its end is not None, so the partition stands
still until another partition receives records.

Still needed? Remove the call in `poll_thread._poll_records` and run
`pytest tests/integration/consumers/test_paused_partitions.py`.
"""

from kafka import KafkaConsumer


def release_drained_buffer(consumer: KafkaConsumer) -> None:
    """Drop the current buffer when it was read to its end. Call it on the poll thread, before a poll."""
    fetcher = getattr(consumer, "_fetcher", None)
    if fetcher is None:
        return
    in_hand = getattr(fetcher, "_next_partition_records", None)
    if in_hand is not None and not in_hand:
        fetcher._next_partition_records = None  # noqa: SLF001 - there is no public access
