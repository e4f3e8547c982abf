"""The bridge while Apache Kafka is stopped, killed and started again under load: every 2xx is on the topic."""

import asyncio
import sys

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.process import Process, free_port, responds
from tests.apache_kafka.broker import ApacheKafka
from tests.bridge.load import on_the_topic, send
from tests.integration.consumers.worker_harness import settings_for

pytestmark = pytest.mark.anyio
RATE = 60


@pytest.fixture
def kafka():
    """A broker of its own, which this test stops."""
    with ApacheKafka() as running:
        yield running


@pytest.fixture
def bridge(kafka, tmp_path):
    settings = settings_for(kafka.address)
    ensure_topics(settings.kafka, partitions=4)
    (tmp_path / "secret.txt").write_text("secret-of-the-load")
    port, http_port = free_port(), free_port()
    process = Process(
        "bridge",
        [sys.executable, "-m", "oncofhir", "bridge"],
        environment={
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": kafka.address,
            "ONCOFHIR_KAFKA__DIAGNOSTIC_REPORT_TOPIC": settings.kafka.diagnostic_report_topic,
            "ONCOFHIR_KAFKA__DOCUMENT_REFERENCE_TOPIC": settings.kafka.document_reference_topic,
            "ONCOFHIR_BRIDGE__HOST": "127.0.0.1",
            "ONCOFHIR_BRIDGE__PORT": str(port),
            "ONCOFHIR_BRIDGE__SECRET_FILE": str(tmp_path / "secret.txt"),
            "ONCOFHIR_BRIDGE__CATCH_UP": "false",
            "ONCOFHIR_BRIDGE__PUBLISH_TIMEOUT_SECONDS": "3",
            "ONCOFHIR_HTTP__HOST": "127.0.0.1",
            "ONCOFHIR_HTTP__PORT": str(http_port),
        },
        ready=lambda: responds(f"http://127.0.0.1:{http_port}/ready"),
    )
    with process:
        process.url = f"http://127.0.0.1:{port}/subscriptions/oncofhir-reports"
        process.topic = settings.kafka.diagnostic_report_topic
        yield process


@pytest.mark.timeout(300)
async def test_every_2xx_is_on_the_topic_while_the_broker_is_stopped_and_killed(kafka, bridge):
    stop = asyncio.Event()
    headers = {
        "authorization": "Bearer secret-of-the-load",
        "content-type": "application/fhir+json",
    }
    sending = asyncio.create_task(send(bridge.url, headers, RATE, stop))
    await asyncio.sleep(4)
    await asyncio.to_thread(kafka.stop)
    await asyncio.sleep(6)
    await asyncio.to_thread(kafka.start)
    await asyncio.sleep(6)
    await asyncio.to_thread(kafka.restart, kill=True)
    back = asyncio.get_running_loop().time()
    await asyncio.sleep(10)
    stop.set()
    load = await sending
    found = await asyncio.to_thread(on_the_topic, kafka.address, bridge.topic)
    assert not load.accepted - set(found), load.answers
    assert set(load.answers) == {"200", "503"}
    assert load.retry_after == {"5": load.answers["503"]}
    late = [seconds for began, seconds in load.seconds if began > back]
    assert len(late) > RATE, "it takes notifications again"
    bridge.stop()
    assert bridge.returncode == 0
