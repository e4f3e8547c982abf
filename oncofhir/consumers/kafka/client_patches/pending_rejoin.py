"""A rebalance that was begun is ended.

kafka-python 3.0.12 rejoins its group when the partitions of a topic change. When `poll` runs out of time
before the group answers, it is no longer known afterwards that a rejoin is under way: the leader has
noted the change, nothing else asks for it. The assignment that comes is never taken up, heartbeats stay
switched off, and the member stands still for good. It happens to a lone worker now and then at its start
(what it knows of the topics comes after its first join), and to the leader of several whenever
partitions are added.
"""

from kafka import KafkaConsumer


def keep_pending(consumer: KafkaConsumer) -> None:
    """See to it that a rejoin that is due or under way stays so until it is complete. Before a poll."""
    coordinator = getattr(consumer, "_coordinator", None)
    if coordinator is not None and (coordinator.rejoining or coordinator.need_rejoin()):
        coordinator.request_rejoin()
