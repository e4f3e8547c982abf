"""Loops over a topic without the runtime, to compare it with: each gives records per second."""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer
from kafka import KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

from oncofhir.consumers.kafka.client_patches.pending_rejoin import keep_pending
from oncofhir.settings import Settings


def rate_of(polls: Iterator[int], total: int) -> float:
    """Records a second, from the first record on."""
    seen, started = 0, 0.0
    for polled in polls:
        if polled and not started:
            started = time.perf_counter()
            total -= polled  # these were waited for, with the group's forming
            continue
        seen += polled
        if seen >= total:
            break
    return seen / (time.perf_counter() - started)


def consumer_of(settings: Settings) -> KafkaConsumer:
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        group_id=f"{settings.kafka.group_id}-{time.time_ns()}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        partition_assignment_strategy=[CooperativeStickyAssignor],
        isolation_level="read_committed",
        fetch_max_bytes=8 * 2**20,
        metrics_enabled=False,
    )
    consumer.subscribe([settings.kafka.diagnostic_report_topic])
    return consumer


def plain_kafka_python(settings: Settings, total: int) -> float:
    consumer = consumer_of(settings)

    def polls() -> Iterator[int]:
        while True:
            keep_pending(consumer)
            yield sum(len(batch) for batch in consumer.poll(50, max_records=500).values())

    try:
        return rate_of(polls(), total)
    finally:
        consumer.close(autocommit=False)


def plain_confluent(settings: Settings, total: int) -> float:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap_servers,
            "group.id": f"{settings.kafka.group_id}-{time.time_ns()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([settings.kafka.diagnostic_report_topic])

    def polls() -> Iterator[int]:
        while True:
            yield len(consumer.consume(500, 0.05))

    try:
        return rate_of(polls(), total)
    finally:
        consumer.close()


async def poll_thread_and_tasks(settings: Settings, total: int) -> float:
    """A poll thread hands each record to a task of the event loop, and gets its offset back."""
    loop = asyncio.get_running_loop()
    done: deque[int] = deque()
    tasks: set[asyncio.Task[None]] = set()

    async def work(record: Any) -> None:
        done.append(record.offset)

    def receive(record: Any) -> None:
        task = loop.create_task(work(record))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def poll() -> float:
        consumer = consumer_of(settings)

        def polls() -> Iterator[int]:
            while True:
                keep_pending(consumer)
                for batch in consumer.poll(50, max_records=500).values():
                    for record in batch:
                        loop.call_soon_threadsafe(receive, record)
                finished = len(done)
                for _ in range(finished):
                    done.popleft()
                yield finished

        try:
            return rate_of(polls(), total)
        finally:
            consumer.close(autocommit=False)

    return await asyncio.to_thread(poll)
