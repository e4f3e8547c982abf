"""The broker itself: what it holds survives a restart and a kill, on the same address."""

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from tests.apache_kafka.broker import ApacheKafka
from tests.integration.consumers.worker_harness import (
    message,
    publish,
    read_all,
    report,
    settings_for,
)

pytestmark = pytest.mark.anyio


async def test_a_broker_keeps_address_and_records_over_kill_and_restart():
    with ApacheKafka() as broker:
        settings = settings_for(broker.address)
        ensure_topics(settings.kafka, partitions=2)
        await publish(settings, [message(settings, report("a"))])
        before = broker.pid
        broker.restart(kill=True)
        await publish(settings, [message(settings, report("b"))])
        broker.restart()
        assert broker.pid != before
        topic = settings.kafka.diagnostic_report_topic
        assert len(read_all(settings, topic)) == 2
        folder = broker.folder
    assert not folder.exists()
