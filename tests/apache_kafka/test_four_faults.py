"""Four faults at once under live traffic: what is good is processed, nothing is lost, and each fault is named.

A record of 20 MB that no topic of dead letters takes, a report that a gateway refuses, a token that is rotated to
something unreadable, and a model that aborts every tenth answer.
"""

import asyncio
from types import SimpleNamespace

import httpx2
import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.testing.scripted_model import ScriptedModel
from tests.apache_kafka.broker import ApacheKafka
from tests.apache_kafka.faults import DISLIKED, Gateway
from tests.apache_kafka.live_worker import (
    LARGEST,
    LiveWorker,
    limit_topic,
    outcomes,
    publish_large,
)
from tests.builders import pathology_report
from tests.integration.consumers.worker_harness import message, publish, settings_for
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT
from tests.serving import served
from tests.waiting import until

pytestmark = pytest.mark.anyio

TOKEN = "a-token"
GOOD = 24


def report(name, words="", status="final"):
    text = f"FINAL DIAGNOSIS: Left breast: invasive ductal carcinoma, 2.3 cm. Case {name}. {words}"
    return pathology_report(name, text=text, status=status)


@pytest.fixture
def stack(tmp_path):
    """Broker with a dead-letter topic of the default size, FHIR server, model, gateway, and the worker's settings."""
    properties = {
        "replica.fetch.max.bytes": str(LARGEST),
        "socket.request.max.bytes": str(2 * LARGEST),
    }
    with (
        ApacheKafka(properties=properties, heap="768m") as broker,
        EmbeddedFhirServer() as fhir,
        ScriptedModel(SCRIPT) as model,
    ):
        gateway = Gateway(model.url, TOKEN)
        with served(gateway.app) as url:
            token = tmp_path / "token"
            token.write_text(TOKEN)
            settings = settings_for(broker.address)
            yield SimpleNamespace(
                settings=settings, fhir=fhir, gateway=gateway, token=token, url=url, folder=tmp_path
            )


def worker_of(stack):
    return LiveWorker(
        stack.settings,
        stack.folder,
        ONCOFHIR_FHIR__BASE_URL=stack.fhir.base_url,
        ONCOFHIR_MODEL__URL=stack.url,
        ONCOFHIR_MODEL__TOKEN_FILE=str(stack.token),
    )


@pytest.mark.timeout(420)
async def test_everything_else_is_processed_and_nothing_is_lost(stack):
    settings = stack.settings
    await asyncio.to_thread(ensure_topics, settings.kafka, partitions=2)
    topic = settings.kafka.diagnostic_report_topic
    await asyncio.to_thread(limit_topic, settings, topic, LARGEST)
    httpx2.put(
        f"{stack.fhir.base_url}/Patient/p1", json=PATIENT, trust_env=False
    ).raise_for_status()
    first = worker_of(stack)
    poison = await asyncio.to_thread(publish_large, settings, report("poison", "x" * 20 * 2**20))
    await publish(settings, [message(settings, report("refused", DISLIKED))])

    published = []

    async def traffic():
        while len(published) < GOOD or first.process.returncode is None:
            published.append(f"good-{len(published)}")
            await publish(settings, [message(settings, report(published[-1]))])
            await asyncio.sleep(0.1 if len(published) < GOOD else 3.0)  # slower than any worker

    async with first:
        live = asyncio.create_task(traffic())
        await until(lambda: "model-refused-report" in first.log)
        await until(lambda: "a reference to it is written" in first.log)
        stack.token.write_bytes(b"\xef\xbb\xbf" + TOKEN.encode())
        assert await asyncio.wait_for(first.process.wait(), 60) == 2
    named = [body["settings"] for body in first.ready if "settings" in body]
    assert named, "/ready says what is wrong before the worker ends"
    assert f"the secret file {stack.token} begins with a byte order mark" in named[-1]
    last_words = [line for line in first.log.splitlines() if line.startswith("oncofhir: ")]
    assert str(stack.token) in last_words[-1]

    stack.token.write_text(TOKEN)
    second = worker_of(stack)
    async with second:
        await live
        good = {f"DiagnosticReport/{name}" for name in published}
        await until(lambda: good <= outcomes(settings).keys(), seconds=120)
        found = outcomes(settings)
        assert {found[name]["status"] for name in good} == {"found"}
        assert stack.gateway.aborted > len(good) / 2, "aborted answers are asked for again"
        await until(lambda: any(body["ok"] for body in second.ready))

        letters = await asyncio.to_thread(second.command, "dead-letters", "list")
        by_reason = {letter["reason"]: letter for letter in letters}
        assert by_reason.keys() == {"attachment-too-large", "model-refused-report"}
        large, refused = by_reason["attachment-too-large"], by_reason["model-refused-report"]
        assert f"{large['topic']}/{large['source_partition']}/{large['source_offset']}" == poison
        assert large["is_reference"]
        assert large["size"] > 20 * 2**20
        assert refused["detail"] == "HTTP 403"
        assert "gateway's log" in refused["remedy"]

        # The remedy: allow the request, and replay.
        stack.gateway.rule_is_on = False
        await asyncio.to_thread(
            second.command, "dead-letters", "replay", "--reason", "model-refused-report"
        )
        await until(
            lambda: outcomes(settings)["DiagnosticReport/refused"]["status"] == "found", seconds=60
        )
    *_, summary = await asyncio.to_thread(second.command, "reconcile")
    assert summary["summary"]["records"] == len(good) + 3
    assert summary["summary"]["problems"] == {}
