"""Partitions that are added to a topic are read by a group of several, whoever leads it."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from kafka import KafkaAdminClient

from oncofhir.consumers.source import group_consumer as subscribing
from oncofhir.consumers.source.poll_thread import PollThread
from tests.integration.consumers.worker_harness import message, publish, report
from tests.waiting import until

pytestmark = pytest.mark.anyio

REPORTS = 200


class Reader:
    """A member of the group that finishes each record at once."""

    def __init__(self, settings):
        self.read = []
        self.source = PollThread(
            settings.kafka,
            asyncio.get_running_loop(),
            on_records=self.received,
            on_partitions_dropped=lambda _: None,
            on_records_missed=lambda _, __: None,
            on_stopped=lambda _: None,
        )

    def received(self, records):
        for record in records:
            self.read.append(record.key)
            self.source.finish(record)

    @property
    def partitions(self):
        return self.source.assignment.partitions


async def joined(stack, settings):
    reader = Reader(settings)
    reader.source.start()
    stack.push_async_callback(reader.source.close)
    return reader


def add_partitions(settings, count):
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    admin.create_partitions({settings.kafka.diagnostic_report_topic: count})
    admin.close()


@pytest.mark.parametrize("members", [1, 2])
async def test_added_partitions_are_read(settings, monkeypatch, members):
    monkeypatch.setattr(subscribing, "_METADATA_MS", 500)
    async with AsyncExitStack() as stack:
        readers = [await joined(stack, settings) for _ in range(members)]
        await until(lambda: sum(len(r.partitions) for r in readers) == 8 and all_have_some(readers))
        add_partitions(settings, 10)
        await until(lambda: sum(len(r.partitions) for r in readers) == 14, 30)
        await publish(settings, [message(settings, report(f"r{n}")) for n in range(REPORTS)])
        await until(lambda: len({key for r in readers for key in r.read}) == REPORTS, 30)
        assert all(r.source.joined for r in readers)


def all_have_some(readers):
    return all(reader.partitions for reader in readers)
