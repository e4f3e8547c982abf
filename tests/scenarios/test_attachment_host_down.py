"""An attachment host that is down: the worker stays ready, names the host, and holds up only its own reports."""

import asyncio
import json
import time
from contextlib import asynccontextmanager

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from oncofhir.consumers.composition import pipeline as composition
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.fhir.intake.attachments.reader import parse_here
from oncofhir.settings import FhirSettings, IntakeSettings, ModelSettings, RetrySettings
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import CANARY, diagnostic_report, pathology_report
from tests.command import run_process
from tests.integration.consumers.worker_harness import (
    message,
    publish,
    read_all,
    running,
    settings_for,
)
from tests.integration.ingest.backfill_kills import environment_of
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT
from tests.serving import served
from tests.waiting import until

pytestmark = pytest.mark.anyio

TRIES = 3  # of the client, for one attempt to fetch
PAUSE_SECONDS = 2.0  # of the circuit breaker, the first
TEXT = "FINAL DIAGNOSIS: Left breast: invasive ductal carcinoma, 2.3 cm. Case {}."


class FileServer:
    """Serves the text of a case; while `is_down` it answers 503."""

    def __init__(self):
        self.is_down = True
        self.requests = 0

    async def file(self, request):
        self.requests += 1
        if self.is_down:
            return Response(f"no {CANARY}", 503)
        return Response(TEXT.format(request.path_params["case"]), media_type="text/plain")

    @property
    def app(self):
        health = Route("/health", lambda _: Response("ok"))
        return Starlette(routes=[health, Route("/files/{patient}/{case}", self.file)])


@pytest.fixture
def stack():
    server = FileServer()
    with (
        EmbeddedBroker() as broker,
        EmbeddedFhirServer() as fhir,
        ScriptedModel(SCRIPT) as model,
        served(server.app) as url,
    ):
        patient = f"{fhir.base_url}/Patient/p1"
        httpx2.put(patient, json=PATIENT, trust_env=False).raise_for_status()
        settings = settings_for(broker.address).model_copy(
            update={
                "fhir": FhirSettings(base_url=fhir.base_url),
                "model": ModelSettings(url=model.url),
                "intake": IntakeSettings(allowed_origins=(url,)),
                "retry": RetrySettings(max_delay_seconds=1.0, dead_letter_after_seconds=600.0),
            }
        )
        ensure_topics(settings.kafka, partitions=2)
        yield settings, server, url


@asynccontextmanager
async def whole_worker(settings):
    pipeline = composition.build_pipeline(settings, parse_here)
    try:
        async with running(
            settings, pipeline, unavailable_hosts=pipeline.unavailable_hosts
        ) as worker:
            await until(lambda: worker.status.ready().ok)
            yield worker
    finally:
        await pipeline._store.aclose()
        await pipeline._extractor._answerer.aclose()


def linked(settings, url, case):
    form = {"contentType": "text/plain", "url": f"{url}/files/{CANARY}/{case}"}
    report = diagnostic_report(
        f"linked-{case}", form, meta={"versionId": "1"}, subject={"reference": "Patient/p1"}
    )
    return message(settings, report)


def outcomes(settings):
    rows = [json.loads(r.value) for r in read_all(settings, settings.kafka.outcome_topic)]
    return {row["source"].rpartition("/")[2]: row["status"] for row in rows}


async def get(worker, path):
    async with httpx2.AsyncClient(trust_env=False) as http:
        return await http.get(f"http://127.0.0.1:{worker.http_port}{path}")


def status(settings, worker):
    environment = environment_of(settings) | {
        "ONCOFHIR_KAFKA__GROUP_ID": settings.kafka.group_id,
        "ONCOFHIR_FHIR__BASE_URL": settings.fhir.base_url,
        "ONCOFHIR_MODEL__URL": settings.model.url,
    }
    url = f"http://127.0.0.1:{worker.http_port}"
    ended = run_process("status", "--url", url, "--json", environment=environment)
    assert CANARY.encode() not in ended.stdout + ended.stderr
    return ended.returncode, json.loads(ended.stdout)


async def test_the_worker_stays_ready_and_names_the_host(stack, capsys):
    settings, server, url = stack
    async with whole_worker(settings) as worker:
        await publish(settings, [linked(settings, url, case) for case in range(4)])
        await until(lambda: worker.status.ready().details["attachment_hosts_unavailable"])
        asked, since = server.requests, time.monotonic()

        good = [pathology_report(f"good-{n}", TEXT.format(f"good {n}")) for n in range(6)]
        await publish(settings, [message(settings, report) for report in good])
        await until(lambda: len(outcomes(settings)) == len(good))
        assert set(outcomes(settings).values()) == {"found"}
        trials = 2 + (time.monotonic() - since) / PAUSE_SECONDS
        assert server.requests - asked <= TRIES * trials, "an open circuit breaker spares the host"

        ready = await get(worker, "/ready")
        assert ready.status_code == 200
        body = ready.json()
        assert body["ok"] is True
        assert body["unavailable"] == []
        assert body["attachment_hosts_unavailable"] == [url]
        metrics = (await get(worker, "/metrics")).text
        assert 'oncofhir_circuit_breaker_open{dependency="store"} 0.0' in metrics
        assert f'oncofhir_attachment_host_unavailable{{origin="{url}"}} 1.0' in metrics
        returned, found = await asyncio.to_thread(status, settings, worker)
        assert returned == 1
        (problem,) = found["problems"]
        assert url in problem["what"]
        assert "attachment-host-unavailable" in problem["remedy"]
        assert found["facts"]["FHIR server"] == "available"

        server.is_down = False
        await until(lambda: len(outcomes(settings)) == len(good) + 4)
        assert set(outcomes(settings).values()) == {"found"}
        assert (await get(worker, "/ready")).json()["attachment_hosts_unavailable"] == []
        assert "attachment_host_unavailable{" not in (await get(worker, "/metrics")).text
        returned, _ = await asyncio.to_thread(status, settings, worker)
        assert returned == 0
        assert CANARY not in body["attachment_hosts_unavailable"][0] + metrics
    assert not read_all(settings, settings.kafka.dead_letter_topic)
    assert CANARY not in "".join(capsys.readouterr())
