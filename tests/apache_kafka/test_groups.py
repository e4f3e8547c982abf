"""The consumer group on Apache Kafka: who joins, stalls, is killed or leaves, and a broker that goes and comes.

Workers are processes of their own. Each test ends with every report dealt with, in order for its document,
and every committed offset that of a finished record.
"""

import asyncio
import signal
import time
from contextlib import AsyncExitStack

import pytest
from kafka import KafkaConsumer, TopicPartition

from oncofhir.consumers.kafka.topics import ensure_topics
from tests.apache_kafka.broker import ApacheKafka
from tests.integration.consumers.test_worker_process import names, worker_process
from tests.integration.consumers.worker_harness import (
    committed,
    message,
    publish,
    read_all,
    report,
    settings_for,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio

DOCUMENTS, VERSIONS = 40, 5
TOTAL = DOCUMENTS * VERSIONS


class Group:
    """Workers of one group, what they did, and what they said."""

    def __init__(self, stack, settings, folder):
        self._stack = stack
        self.settings = settings
        self.file = folder / "processed"
        self._output = folder / "log"

    async def join(self, seconds=0.03):
        """Another worker, each report of which takes so long."""
        started = worker_process(self.settings, self.file, seconds, self._output)
        return await self._stack.enter_async_context(started)

    @property
    def done(self):
        return names(self.file)

    @property
    def said(self):
        return self._output.read_text()

    async def all_is_done(self, total=TOTAL, seconds=60):
        await until(lambda: len(set(self.done)) == total, seconds)
        await until(lambda: committed(self.settings) == total, seconds)
        assert len(outcomes(self.settings)) == total
        assert not read_all(self.settings, self.settings.kafka.dead_letter_topic)
        assert in_order(self.done)
        assert "Traceback" not in self.said


@pytest.fixture
async def group(settings, tmp_path):
    await publish(settings, versions(settings))
    async with AsyncExitStack() as stack:
        yield Group(stack, settings, tmp_path)


def versions(settings):
    return [
        message(settings, report(f"r{n}", version))
        for version in range(1, VERSIONS + 1)
        for n in range(DOCUMENTS)
    ]


def in_order(done):
    """Whether each document's versions came first in their order; what comes again is redelivery."""
    seen = {}
    for name in dict.fromkeys(done):
        document, _, version = name.partition("/_history/")
        seen.setdefault(document, []).append(int(version))
    return all(found == sorted(found) for found in seen.values())


def outcomes(settings):
    """Partition and offset of each record that has an outcome row."""
    found = set()
    for row in read_all(settings, settings.kafka.outcome_topic):
        headers = dict(row.headers)
        place = (headers["oncofhir-source-partition"], headers["oncofhir-source-offset"])
        found.add(tuple(map(int, place)))
    return found


def committed_places(settings):
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        group_id=settings.kafka.group_id,
        enable_auto_commit=False,
    )
    topic = settings.kafka.diagnostic_report_topic
    try:
        at = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
        return {p.partition: consumer.committed(p) or 0 for p in at}
    finally:
        consumer.close(autocommit=False)


def only_what_is_finished_is_committed(settings):
    behind = committed_places(settings)  # before the outcomes: more of them may follow meanwhile
    finished = outcomes(settings)
    unfinished = [
        (partition, offset)
        for partition, end in behind.items()
        for offset in range(end)
        if (partition, offset) not in finished
    ]
    return unfinished == []


async def ended(process, number=signal.SIGTERM):
    process.send_signal(number)
    return await asyncio.wait_for(process.wait(), 20)


async def test_a_worker_that_joins_takes_partitions_and_nothing_is_lost(group):
    first = await group.join()
    await until(lambda: len(group.done) > 20)
    second = await group.join()
    await until(lambda: group.said.count("partitions assigned") >= 2)
    assert only_what_is_finished_is_committed(group.settings)
    await group.all_is_done()
    assert [await ended(first), await ended(second)] == [0, 0]
    assert "partitions revoked" in group.said


async def test_a_stalled_worker_loses_its_partitions_and_commits_nothing_of_theirs(group):
    first = await group.join(0.1)
    await until(lambda: len(group.done) > 20)
    first.send_signal(signal.SIGSTOP)
    before = committed_places(group.settings)
    await group.join(0.01)
    await until(lambda: len(set(group.done)) > TOTAL // 2, seconds=40)
    first.send_signal(signal.SIGCONT)
    await group.all_is_done()
    after = committed_places(group.settings)
    assert all(after[n] >= offset for n, offset in before.items())
    assert only_what_is_finished_is_committed(group.settings)
    assert "lost" in group.said
    assert await ended(first) == 0


async def test_killed_workers_are_taken_over_from_and_nothing_unfinished_was_committed(group):
    for _ in range(3):
        worker = await group.join()
        done = len(group.done)
        await until(lambda done=done: len(group.done) > done + 15)
        assert await ended(worker, signal.SIGKILL) == -signal.SIGKILL
        assert only_what_is_finished_is_committed(group.settings)
    await group.join(0.0)
    await group.all_is_done()


async def test_a_worker_that_is_told_to_end_leaves_the_group_at_once(group):
    worker = await group.join(0.2)
    await until(lambda: len(group.done) > 8)
    assert await ended(worker) == 0
    done = len(group.done)
    assert committed(group.settings) == done, "all that had begun has ended and is committed"
    began = time.monotonic()
    await group.join(0.0)
    await until(lambda: len(group.done) > done)
    # Python's start is in it; a member that had not left would be waited for in full.
    assert time.monotonic() - began < group.settings.kafka.session_timeout_ms / 1000 + 2
    await group.all_is_done()


async def test_partitions_pause_and_the_worker_stays_a_member(group):
    """Work that takes longer than the session: the poll thread goes on, nothing is taken away."""
    await group.join(4.0)
    await until(lambda: len(group.done) >= 20, seconds=40)
    assert group.said.count("partitions assigned") == 1
    assert "lost" not in group.said
    assert "revoked" not in group.said


async def test_a_broker_that_is_killed_and_comes_back_is_taken_up_where_it_was(tmp_path):
    with ApacheKafka() as broker:
        settings = settings_for(broker.address)
        await asyncio.to_thread(ensure_topics, settings.kafka)
        await publish(settings, versions(settings))
        async with AsyncExitStack() as stack:
            group = Group(stack, settings, tmp_path)
            worker = await group.join()
            for kill in (True, False):
                done = len(group.done)
                await until(lambda done=done: len(group.done) > done + 30)
                await asyncio.to_thread(broker.restart, kill=kill)
            await group.all_is_done()
            assert worker.returncode is None, "it never ended"
            assert await ended(worker) == 0
