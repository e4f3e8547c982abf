"""Notifications at a steady rate, whatever becomes of them, and what an independent client finds on the topic."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from confluent_kafka import Consumer, TopicPartition

from tests.integration.consumers.worker_harness import report

_CONNECTIONS = 128
_TIMEOUT = aiohttp.ClientTimeout(total=60)
_READ_SECONDS = 60.0


@dataclass
class Load:
    """What became of the notifications. `seconds` are those of each answer with 200, by its begin."""

    accepted: set[str] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    retry_after: Counter[str] = field(default_factory=Counter)
    seconds: list[tuple[float, float]] = field(default_factory=list)
    sent: int = 0


async def send(
    url: str, headers: Mapping[str, str], rate: float, stop: asyncio.Event, *, size: int = 2_000
) -> Load:
    """PUT a report of its own every 1/`rate` seconds until `stop` is set; then wait for the answers."""
    load = Load()
    filler = "x" * size
    began = time.monotonic()
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
    async with aiohttp.ClientSession(
        headers=headers, connector=connector, timeout=_TIMEOUT
    ) as http:
        running: set[asyncio.Task[None]] = set()
        for number in itertools.count():
            if stop.is_set():
                break
            await asyncio.sleep(began + number / rate - time.monotonic())
            body = json.dumps(report(f"r{number}", text={"status": "generated", "div": filler}))
            task = asyncio.create_task(
                _put(http, f"{url}/DiagnosticReport/r{number}", body, f"r{number}", load)
            )
            running.add(task)
            task.add_done_callback(running.discard)
            load.sent += 1
        await asyncio.gather(*running)
    return load


async def _put(http: aiohttp.ClientSession, url: str, body: str, ident: str, load: Load) -> None:
    began = time.monotonic()
    try:
        async with http.put(url, data=body.encode()) as answer:
            await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        load.answers[type(error).__name__] += 1
        return
    load.answers[str(answer.status)] += 1
    if answer.status == 200:
        load.accepted.add(ident)
        load.seconds.append((began, time.monotonic() - began))
    elif "retry-after" in answer.headers:
        load.retry_after[answer.headers["retry-after"]] += 1


def on_the_topic(address: str, topic: str) -> Counter[str]:
    """The ids of the reports on a topic, read with librdkafka."""
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "independent", "enable.auto.commit": False}
    )
    try:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        ends = {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=30)
            for number in partitions
        }
        wanted = sum(high - low for low, high in ends.values())
        consumer.assign([TopicPartition(topic, n, low) for n, (low, _) in ends.items()])
        found: Counter[str] = Counter()
        deadline = time.monotonic() + _READ_SECONDS
        while found.total() < wanted and time.monotonic() < deadline:
            for record in consumer.consume(1_000, timeout=1.0):
                assert record.error() is None, record.error()
                found[json.loads(record.value())["id"]] += 1
        return found
    finally:
        consumer.close()
