"""Four faults at once under live traffic: what is good is processed, nothing is lost, and each fault is named.

A record of 20 MB that no topic of dead letters takes, a report that a gateway refuses, a token that is rotated to
something unreadable, and a model that aborts every tenth answer.
"""

import asyncio
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import httpx2
import pytest
from kafka import KafkaProducer

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.process import free_port
from oncofhir.testing.scripted_model import ScriptedModel
from tests.apache_kafka.broker import ApacheKafka
from tests.apache_kafka.faults import DISLIKED, Gateway
from tests.builders import pathology_report
from tests.integration.consumers.worker_harness import (
    message,
    publish,
    read_all,
    settings_for,
    until,
)
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT
from tests.serving import served

pytestmark = pytest.mark.anyio

TOKEN = "a-token"
GOOD = 24
_LARGEST = 32 * 2**20


def report(name, words="", status="final"):
    text = f"FINAL DIAGNOSIS: Left breast: invasive ductal carcinoma, 2.3 cm. Case {name}. {words}"
    return pathology_report(name, text=text, status=status)


@pytest.fixture
def stack(tmp_path):
    """Broker with a dead-letter topic of the default size, FHIR server, model, gateway, and the worker's settings."""
    properties = {
        "replica.fetch.max.bytes": str(_LARGEST),
        "socket.request.max.bytes": str(2 * _LARGEST),
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


class Worker:
    """`oncofhir worker` as a process, and what `/ready` answered while it ran."""

    def __init__(self, stack):
        kafka = stack.settings.kafka
        self.port = free_port()
        topics = {
            f"ONCOFHIR_KAFKA__{name.upper()}": getattr(kafka, name)
            for name in (
                "bootstrap_servers",
                "group_id",
                "diagnostic_report_topic",
                "document_reference_topic",
                "phenotype_topic",
                "outcome_topic",
                "dead_letter_topic",
            )
        }
        self.environment = (
            os.environ
            | topics
            | {
                "ONCOFHIR_FHIR__BASE_URL": stack.fhir.base_url,
                "ONCOFHIR_FHIR__IDENTIFIER_SYSTEM": "https://oncofhir.example.org/test",
                "ONCOFHIR_MODEL__URL": stack.url,
                "ONCOFHIR_MODEL__TOKEN_FILE": str(stack.token),
                "ONCOFHIR_HTTP__PORT": str(self.port),
                "ONCOFHIR_LOG__FORMAT": "json",
                "ONCOFHIR_KAFKA__COMMIT_INTERVAL_SECONDS": "0.2",
                "ONCOFHIR_RETRY__MAX_DELAY_SECONDS": "2",
            }
        )
        self.ready = []
        self._log = stack.folder / f"worker-{self.port}.log"

    def command(self, *words, status=0):
        run = subprocess.run(
            [sys.executable, "-m", "oncofhir", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == status, run.stderr
        return [json.loads(line) for line in run.stdout.splitlines()]

    async def __aenter__(self):
        with self._log.open("wb") as out:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "oncofhir",
                "worker",
                env=self.environment,
                stdout=out,
                stderr=out,
            )
        self._probing = asyncio.create_task(self._probe())
        return self

    async def __aexit__(self, *_):
        self._probing.cancel()
        if self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    async def _probe(self):
        async with httpx2.AsyncClient(trust_env=False) as http:
            while True:
                try:
                    answer = await http.get(f"http://127.0.0.1:{self.port}/ready", timeout=5)
                    self.ready.append(answer.json())
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.1)

    @property
    def log(self):
        return self._log.read_text()


async def grow_input_topic(settings):
    """The input topic takes 32 MB, the dead-letter topic what the service wants: 16 MB and some."""
    from kafka import KafkaAdminClient
    from kafka.admin import ConfigResource, ConfigResourceType

    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap_servers)
    topic = settings.kafka.diagnostic_report_topic
    configs = {"max.message.bytes": str(_LARGEST)}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)])
    admin.close()


def publish_poison(settings):
    poison = report("poison", "x" * 20 * 2**20)
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        max_request_size=_LARGEST,
        max_block_ms=60_000,
    )
    sent = producer.send(settings.kafka.diagnostic_report_topic, json.dumps(poison).encode())
    at = sent.get(60)
    producer.close()
    return f"{at.topic}/{at.partition}/{at.offset}"


def outcomes(settings):
    rows = [json.loads(r.value) for r in read_all(settings, settings.kafka.outcome_topic)]
    return {row["source"]: row for row in rows}


@pytest.mark.timeout(300)
async def test_everything_else_is_processed_and_nothing_is_lost(stack):
    settings = stack.settings
    await asyncio.to_thread(ensure_topics, settings.kafka, partitions=2)
    await grow_input_topic(settings)
    httpx2.put(
        f"{stack.fhir.base_url}/Patient/p1", json=PATIENT, trust_env=False
    ).raise_for_status()
    first = Worker(stack)
    poison = await asyncio.to_thread(publish_poison, settings)
    await publish(settings, [message(settings, report("refused", DISLIKED))])

    async def traffic():
        for number in range(GOOD):
            await publish(settings, [message(settings, report(f"good-{number}"))])
            await asyncio.sleep(0.1)

    live = asyncio.create_task(traffic())
    async with first:
        await until(lambda: "model-refused-report" in first.log, seconds=90)
        await until(lambda: "a reference to it is written" in first.log, seconds=60)
        stack.token.write_bytes(b"\xef\xbb\xbf" + TOKEN.encode())
        assert await asyncio.wait_for(first.process.wait(), 60) == 2
    named = [body["settings"] for body in first.ready if "settings" in body]
    assert named, "/ready says what is wrong before the worker ends"
    assert f"the secret file {stack.token} begins with a byte order mark" in named[-1]
    last_words = [line for line in first.log.splitlines() if line.startswith("oncofhir: ")]
    assert str(stack.token) in last_words[-1]

    stack.token.write_text(TOKEN)
    second = Worker(stack)
    async with second:
        await live
        good = {f"DiagnosticReport/good-{number}" for number in range(GOOD)}
        await until(lambda: good <= outcomes(settings).keys(), seconds=120)
        found = outcomes(settings)
        assert {found[name]["status"] for name in good} == {"found"}
        assert stack.gateway.aborted > GOOD / 2, "aborted answers are asked for again"
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
    assert summary["summary"]["records"] == GOOD + 3
    assert summary["summary"]["problems"] == {}
