"""The broker itself is out while nothing but dead letters is to be written."""

import asyncio
import signal

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from tests.apache_kafka.broker import ApacheKafka
from tests.integration.consumers.test_worker_process import get, get_status, names, worker_process
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


async def test_dead_letters_wait_for_the_broker_and_all_get_there(tmp_path):
    total = 12
    file, output = tmp_path / "processed", tmp_path / "log"
    with ApacheKafka() as broker:
        settings = settings_for(broker.address)
        await asyncio.to_thread(ensure_topics, settings.kafka)
        await publish(settings, [message(settings, report(f"r{n}")) for n in range(total)])
        async with worker_process(settings, file, 3.0, output, "reject") as process:
            await until(lambda: output.exists() and "partitions assigned" in output.read_text())
            await asyncio.sleep(1.0)  # polled, and not yet refused
            await asyncio.to_thread(broker.kill)
            assert not names(file)
            await until(lambda: len(names(file)) == total)
            await until(lambda: "circuit breaker open" in output.read_text())
            assert get_status(output, "/ready") == 503
            assert get_status(output, "/live") == 200
            await asyncio.to_thread(broker.start)
            await until(lambda: committed(settings) == total)
            await until(lambda: get_status(output, "/ready") == 200)
            assert 'oncofhir_circuit_breaker_open{dependency="broker"} 0.0' in get(
                output, "/metrics"
            )
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 20) == 0
        letters = {letter.key for letter in read_all(settings, settings.kafka.dead_letter_topic)}
        assert len(letters) == total
