"""Partitions that were paused with records of theirs in the client go on by themselves."""

import contextlib

import pytest
from kafka import KafkaConsumer, TopicPartition

from oncofhir.consumers.kafka.client_patches.paused_partitions import release_drained_buffer
from tests.integration.consumers.worker_harness import message, publish, report

pytestmark = pytest.mark.anyio


async def test_each_partition_is_read_to_its_end_after_pauses(settings):
    await publish(settings, [message(settings, report(f"r{n}")) for n in range(200)])
    topic = settings.kafka.diagnostic_report_topic
    partitions = [TopicPartition(topic, number) for number in range(4)]
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    read = 0
    with contextlib.closing(consumer):
        consumer.assign(partitions)
        for turn in range(200):
            resting = partitions[turn % 4]
            consumer.pause(resting)
            for polled in (_polled(consumer), consumer.resume(resting), _polled(consumer)):
                read += polled or 0
            if read == 200:
                break
        assert read == 200


def _polled(consumer):
    release_drained_buffer(consumer)
    return sum(map(len, consumer.poll(20, max_records=7).values()))
