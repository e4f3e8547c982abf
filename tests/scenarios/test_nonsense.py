"""Nonsense from a model or a store waits as an outage does; what repeats for one report alone is that report's."""

import asyncio
import json
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
from oncofhir.settings import FhirSettings, ModelSettings
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import CANARY, pathology_report
from tests.integration.consumers.worker_harness import (
    message,
    publish,
    read_all,
    running,
    settings_for,
)
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT
from tests.serving import served
from tests.waiting import until

pytestmark = pytest.mark.anyio
ODD = "oddly-shaped-specimen"


class Gateway:
    """Forwards to a server, and spoils its answers: all of them, or those to requests with a phrase."""

    def __init__(self, upstream, spoil):
        self.upstream, self.spoil = upstream, spoil
        self.is_on, self.phrase = False, b""
        self.spoiled = 0

    async def forward(self, request):
        body = await request.body()
        kept = ("content-type", "accept", "prefer", "if-match", "if-none-exist")
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
            answer = await http.request(
                request.method,
                self.upstream + str(request.url.path),
                params=str(request.url.query),
                content=body,
                headers={name: request.headers[name] for name in kept if name in request.headers},
            )
        asked = body + str(request.url).encode()
        spoiled = self.spoil(request, answer) if self.is_on and self.phrase in asked else None
        self.spoiled += spoiled is not None
        dropped = ("content-length", "content-encoding", "transfer-encoding")
        headers = {k: v for k, v in answer.headers.items() if k not in dropped}
        return Response(answer.content if spoiled is None else spoiled, answer.status_code, headers)

    @property
    def app(self):
        health = Route("/health", lambda _: Response("ok"))
        methods = ["GET", "POST", "PUT", "DELETE"]
        return Starlette(routes=[health, Route("/{path:path}", self.forward, methods=methods)])


def no_numbers(request, answer):
    """Log-probabilities that are no numbers, as bfloat16 gave."""
    if request.url.path != "/generate":
        return None
    content = answer.json()
    for token in content["details"]["tokens"]:
        token["logprob"] = float("nan")
    return json.dumps(content).encode()


def lone_surrogate(request, answer):
    """Half a character in an answer."""
    if request.url.path != "/generate":
        return None
    content = answer.json()
    content["generated_text"] = "left \ud83d breast"
    return json.dumps(content).encode()


def entry_is_a_string(request, answer):
    """A searchset whose entries are no list."""
    content = answer.json() if answer.content else {}
    if content.get("type") not in ("searchset", "batch-response", "transaction-response"):
        return None
    return json.dumps({**content, "entry": f"a string about {CANARY}"}).encode()


FAULTS = {
    "log-probabilities that are no numbers": ("model", no_numbers),
    "a lone surrogate in an answer": ("model", lone_surrogate),
    "a Bundle.entry that is a string": ("store", entry_is_a_string),
}


@pytest.fixture(scope="module")
def parts():
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel(SCRIPT) as model:
        url = f"{fhir.base_url}/Patient/p1"
        httpx2.put(url, json=PATIENT, trust_env=False).raise_for_status()
        yield broker, fhir, model


@pytest.fixture(params=FAULTS)
def stack(parts, request):
    """Settings whose model or store is behind a gateway with the fault."""
    broker, fhir, model = parts
    which, spoil = FAULTS[request.param]
    upstream = model.url if which == "model" else fhir.base_url.removesuffix("/fhir")
    gateway = Gateway(upstream, spoil)
    with served(gateway.app) as url:
        settings = settings_for(broker.address).model_copy(
            update={
                "fhir": FhirSettings(base_url=f"{url}/fhir" if which == "store" else fhir.base_url),
                "model": ModelSettings(url=url if which == "model" else model.url),
            }
        )
        ensure_topics(settings.kafka, partitions=1)
        yield settings, gateway


@asynccontextmanager
async def whole_worker(settings):
    """A worker with the real pipeline, in this loop."""
    pipeline = composition.build_pipeline(settings, parse_here)
    try:
        async with running(settings, pipeline):
            yield
    finally:
        await pipeline._store.aclose()
        await pipeline._extractor._answerer.aclose()


def reports(settings, name, count, words=""):
    group = settings.kafka.group_id  # the documents of one test are no others'
    text = f"FINAL DIAGNOSIS: Left breast: invasive ductal carcinoma, 2.3 cm. {CANARY}. {words} {group} {name}"
    return [
        message(
            settings, pathology_report(f"{settings.kafka.group_id}-{name}-{n}", f"{text} Case {n}")
        )
        for n in range(count)
    ]


def rows(settings, topic):
    return {
        json.loads(r.value)["source"].rpartition("/")[2]: json.loads(r.value)
        for r in read_all(settings, topic)
    }


def statuses(settings):
    found = rows(settings, settings.kafka.outcome_topic)
    return {
        name.removeprefix(f"{settings.kafka.group_id}-"): r["status"] for name, r in found.items()
    }


async def test_nonsense_for_all_waits_and_nothing_is_lost(stack, capsys):
    settings, gateway = stack
    async with whole_worker(settings):
        gateway.is_on = True
        await publish(settings, reports(settings, "a", 3))
        await until(lambda: gateway.spoiled > 3)
        await asyncio.sleep(3)
        assert not await asyncio.to_thread(read_all, settings, settings.kafka.dead_letter_topic)
        gateway.is_on = False
        await until(lambda: len(statuses(settings)) == 3)
    assert set(statuses(settings).values()) == {"found"}
    assert not read_all(settings, settings.kafka.dead_letter_topic)
    assert CANARY not in "".join(capsys.readouterr())


@pytest.mark.parametrize("stack", [n for n, f in FAULTS.items() if f[0] == "model"], indirect=True)
async def test_nonsense_for_one_report_alone_is_that_reports(stack, capsys):
    settings, gateway = stack
    gateway.is_on, gateway.phrase = True, ODD.encode()
    async with whole_worker(settings):
        await publish(settings, reports(settings, "odd", 1, ODD))
        number = 0
        while "odd-0" not in (found := statuses(settings)):
            if (
                len(found) == number
            ):  # one good report after the other: the odd one has its turns between
                await publish(settings, reports(settings, f"good{number}", 1))
                number += 1
            assert number < 60
            await asyncio.sleep(0.1)
        await until(lambda: len(statuses(settings)) == number + 1)
    found = statuses(settings)
    assert found.pop("odd-0") == "dead-lettered"
    assert set(found.values()) == {"found"}
    (letter,) = read_all(settings, settings.kafka.dead_letter_topic)
    headers = {name: value.decode() for name, value in letter.headers}
    # A slow machine may end the last attempt by its time limit: model-unreachable.
    assert headers["oncofhir-reason"] in ("model-failed", "model-no-answer", "model-unreachable")
    assert CANARY not in str(headers)
    assert CANARY not in "".join(capsys.readouterr())
