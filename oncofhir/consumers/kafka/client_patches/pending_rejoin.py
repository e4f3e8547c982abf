"""Works around kafka-python 3.0.12: a rejoin that outlasts one `poll` is forgotten.

The client rejoins its group when the partitions of a topic change. When `poll` times out before the group
answers, the client no longer knows that a rejoin is pending. The new assignment is never applied,
heartbeats stay off, and the member stands still for good. This happens to a lone worker at its start now
and then (metadata arrives after its first join), and to the leader of several workers whenever partitions
are added.

Still needed? Remove the call in `poll_thread._poll_records` and run
`pytest tests/apache_kafka/test_pending_rejoin.py`.
"""

from kafka import KafkaConsumer


def keep_pending(consumer: KafkaConsumer) -> None:
    """Request a pending rejoin again, until it is complete. Call it on the poll thread, before a poll."""
    coordinator = getattr(consumer, "_coordinator", None)
    if coordinator is not None and (coordinator.rejoining or coordinator.need_rejoin()):
        coordinator.request_rejoin()
