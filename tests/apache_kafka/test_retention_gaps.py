"""Records that the broker removed before they were read are told, and nothing else is."""

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from oncofhir.consumers.kafka.connection import client_options, connect
from oncofhir.consumers.source.rebalance_listener import offsets_to_commit
from tests.apache_kafka.test_records import produce, transaction
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    committed,
    message,
    report,
    running,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio


def remove(settings, before):
    """As retention does, at once."""
    admin = connect(KafkaAdminClient, settings.kafka, **client_options(settings.kafka, "test"))
    try:
        admin.delete_records({TopicPartition(settings.kafka.diagnostic_report_topic, 0): before})
    finally:
        admin.close()


def committed_at(settings, offset):
    """The group read so far, some time ago."""
    options = client_options(settings.kafka, "test") | {"group_id": settings.kafka.group_id}
    consumer = connect(KafkaConsumer, settings.kafka, **options)
    try:
        at = (settings.kafka.diagnostic_report_topic, 0)
        consumer.assign([TopicPartition(*at)])
        consumer.commit(offsets_to_commit({at: offset}))
    finally:
        consumer.close(autocommit=False)


def told(worker, settings):
    name = f'oncofhir_records_removed_total{{topic="{settings.kafka.diagnostic_report_topic}"}} '
    found = [
        line
        for line in worker.status.render_metrics().decode().splitlines()
        if line.startswith(name)
    ]
    return [float(line.removeprefix(name)) for line in found]


async def test_what_retention_removed_before_it_was_read_is_counted(settings):
    produce(settings, [message(settings, report(f"r{n}")) for n in range(20)])
    committed_at(settings, 5)
    remove(settings, 12)
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        await until(lambda: len(processor.events) == 8)
        await until(lambda: committed(settings) == 20)
        assert told(worker, settings) == [7]


async def test_what_is_removed_while_a_worker_is_away_is_counted_by_the_next_one(settings):
    produce(settings, [message(settings, report(f"a{n}")) for n in range(4)])
    first = InstantProcessor()
    async with running(settings, first) as worker:
        await until(lambda: committed(settings) == 4)
        assert told(worker, settings) == [0]
    produce(settings, [message(settings, report(f"b{n}")) for n in range(4)])
    remove(settings, 6)
    second = InstantProcessor()
    async with running(settings, second) as worker:
        await until(lambda: committed(settings) == 8)
        assert told(worker, settings) == [2]
    assert {event.source.id for event in second.events} == {"b2", "b3"}


async def test_a_new_group_begins_at_what_is_left_and_misses_nothing(settings):
    produce(settings, [message(settings, report(f"r{n}")) for n in range(6)])
    remove(settings, 3)
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        await until(lambda: len(processor.events) == 3)
        assert told(worker, settings) == [0]


async def test_the_gaps_that_transactions_leave_are_no_loss(settings):
    good, bad = (
        [message(settings, report(f"{kind}{n}")) for n in range(4)] for kind in ("good", "bad")
    )
    transaction(settings, "gaps", [(good[:2], True), (bad, False), (good[2:], True)])
    committed_at(settings, 0)
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        await until(lambda: len(processor.events) == 4)
        assert told(worker, settings) == [0]
