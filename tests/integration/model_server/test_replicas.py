"""Replicas, on real sockets: a report stays on one, a lost one is gone around and taken up again."""

import asyncio
import itertools
import json
import time
from collections import Counter
from functools import partial

import httpx2
import pytest
import structlog
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.inference.clients.client import CompletionRequest
from oncofhir.inference.clients.concurrency_limit import AdaptiveLimit
from oncofhir.inference.clients.discovery import resolve_addresses
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.replica import Replica
from oncofhir.inference.clients.replica_set import Replicas, static_addresses
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected, UnsuitableServer
from oncofhir.schemas.reasons import Reason
from oncofhir.testing.scripted_model import ScriptedModel
from tests.serving import served
from tests.waiting import PATIENCE_SECONDS

SCRIPT = [
    {"contains": ["fails"], "status": 424},
    {"contains": ["invalid"], "status": 422},
    {"contains": [], "answer": "left"},
]


@pytest.fixture(scope="module")
def started():
    models = [ScriptedModel(SCRIPT, max_concurrent_requests=4) for _ in range(3)]
    try:
        for model in models:
            model.start()
        yield models
    finally:
        for model in models:
            model.stop()


@pytest.fixture
def servers(started):
    for model in started:
        model.control(reset=True, model_sha="0" * 40, delay_seconds=0)
    return started


def replica(url):
    return Replica(TgiClient(ModelHttp(url, timeout=5)), AdaptiveLimit(32))


def asking(affinity, prompt="What is the side?"):
    return CompletionRequest(prompt=prompt, max_new_tokens=5, affinity=affinity)


def run(servers, story):
    async def go():
        model = Replicas(partial(static_addresses, [s.url for s in servers]), replica)
        try:
            return await story(model)
        finally:
            await model.aclose()

    return asyncio.run(go())


def answered(servers):
    return [server.control()["answered"] for server in servers]


def test_the_questions_of_a_report_go_to_one_replica(servers):
    async def story(model):
        for number in range(40):
            for _ in range(3):
                await model.complete(asking(f"report {number}"))

    run(servers, story)
    counts = answered(servers)
    assert sum(counts) == 120
    assert all(count % 3 == 0 for count in counts)
    assert min(counts) > 0


def test_the_same_report_comes_to_the_same_replica_again(servers):
    async def story(model):
        await model.complete(asking("a report"))

    run(servers, story)
    before = answered(servers)
    run(servers, story)
    assert answered(servers) == [2 * count for count in before]


def test_a_lost_replica_is_gone_around_and_taken_up_again(servers):
    async def story(model):
        await model.identify()
        reports = [f"report {number}" for number in range(30)]
        await asyncio.gather(*(model.complete(asking(name)) for name in reports))
        lost = max(servers, key=lambda s: s.control()["answered"])
        lost.stop_process()
        await asyncio.gather(*(model.complete(asking(name)) for name in reports))
        lost.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        for number in itertools.count():
            await model.complete(asking(f"new report {number}"))
            if lost.control()["answered"]:
                return
            assert time.monotonic() < deadline, "it was not taken up again"

    run(servers, story)


def test_a_replica_that_serves_another_model_is_not_asked(servers):
    servers[2].control(model_sha="f" * 40)

    async def story(model):
        identity = await model.identify()
        for number in range(20):
            await model.complete(asking(f"report {number}"))
        return identity

    identity = run(sorted(servers, key=lambda s: s.url), story)
    counts = {server.url: server.control()["answered"] for server in servers}
    if identity.digest == "f" * 40:
        assert [count for url, count in counts.items() if url != servers[2].url] == [0, 0]
    else:
        assert counts[servers[2].url] == 0


def test_two_sets_of_weights_at_one_address_are_two_models(servers):
    """One after the other: the worker asks again, and runs and Devices differ."""

    async def story(model):
        before = await model.identify()
        servers[0].control(model_sha="e" * 40)
        return before, await model.identify()

    before, after = run(servers[:1], story)
    assert (before.digest, after.digest) == ("0" * 40, "e" * 40)


def test_the_replica_of_an_affinity_is_asked_again_which_model_it_serves(servers):
    """Also where no request failed and no pause was noticed."""

    async def story(model):
        before = await model.identify()
        await model.complete(asking("a report"))
        (server,) = [s for s in servers if s.control()["answered"]]
        assert await model.identify("a report") == before
        server.control(model_sha="e" * 40)
        return before, await model.identify("a report"), await model.identify("nobody's")

    before, after, of_no_report = run(servers, story)
    assert before.digest == "0" * 40
    assert after.digest == "e" * 40
    assert of_no_report.digest in {"0" * 40, "e" * 40}, "of the first that answers"


def test_a_server_without_a_digest_is_warned_about_or_refused(servers):
    servers[0].control(model_sha=None)

    async def go(require_digest):
        model = Replicas(
            partial(static_addresses, [servers[0].url]), replica, require_digest=require_digest
        )
        try:
            return await model.identify()
        finally:
            await model.aclose()

    with structlog.testing.capture_logs() as logs:
        identity = asyncio.run(go(require_digest=False))
    assert identity.digest == "undetermined:scripted"
    assert [log["log_level"] for log in logs] == ["warning"]
    with pytest.raises(UnsuitableServer, match="ONCOFHIR_MODEL__DIGEST"):
        asyncio.run(go(require_digest=True))


def test_a_prompt_that_fails_does_not_take_its_replica_down(servers):
    async def story(model):
        with pytest.raises(RequestRejected):
            await model.complete(asking("bad", "invalid"))
        with pytest.raises(DependencyUnavailable) as raised:
            await model.complete(asking("bad", "fails"))
        assert raised.value.reason is Reason.MODEL_FAILED
        return Counter(r.up for r in model.replicas.values())

    assert run(servers, story) == {True: 3}


def test_too_many_requests_are_waited_out(servers):
    """Four at a time are borne: all forty are answered in the end."""
    servers[0].control(delay_seconds=0.02)

    async def story(model):
        return await asyncio.gather(*(model.complete(asking("one report")) for _ in range(40)))

    assert len(run(servers[:1], story)) == 40


def test_no_replica_answers():
    async def go():
        model = Replicas(
            partial(static_addresses, ["http://127.0.0.1:9", "http://127.0.0.1:10"]), replica
        )
        with pytest.raises(DependencyUnavailable) as raised:
            await model.complete(asking("a"))
        assert raised.value.reason is Reason.MODEL_UNREACHABLE
        assert not await model.healthy()
        with pytest.raises(DependencyUnavailable):
            await model.identify()
        await model.aclose()

    asyncio.run(go())


def test_every_address_of_a_name_is_a_replica():
    found = asyncio.run(resolve_addresses("http://localhost:8081/x"))
    assert "http://127.0.0.1:8081/x" in found
    with pytest.raises(DependencyUnavailable):
        asyncio.run(resolve_addresses("http://no-such-name.invalid:80"))


def test_replicas_that_leave_and_join(servers):
    known = [servers[0].url]

    async def discover():
        return tuple(known)

    clock = [0.0]

    async def go():
        model = Replicas(discover, replica, clock=lambda: clock[0])
        await model.complete(asking("a"))
        known[:] = [servers[1].url]
        clock[0] = 11.0
        await model.complete(asking("a"))
        await model.aclose()

    asyncio.run(go())
    assert answered(servers) == [1, 1, 0]


class Aborting:
    """A gateway before a TGI server: the first `times` generations of each prompt are aborted."""

    def __init__(self, upstream, times):
        self.upstream, self.times = upstream, times
        self.asked = Counter()

    async def forward(self, request):
        body = await request.body()
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.request(
                request.method,
                self.upstream + request.url.path,
                content=body,
                headers={"content-type": "application/json"},
            )
        if request.url.path == "/generate":
            prompt = json.loads(body)["inputs"]
            self.asked[prompt] += 1
            if self.asked[prompt] <= self.times:
                content = answer.json()
                content["generated_text"] = ""
                content["details"] |= {"finish_reason": "abort", "tokens": []}
                return JSONResponse(content)
        return Response(answer.content, answer.status_code, media_type="application/json")

    @property
    def app(self):
        return Starlette(routes=[Route("/{path:path}", self.forward, methods=["GET", "POST"])])


async def _ask(url, prompts):
    model = Replicas(partial(static_addresses, [url]), replica)
    try:
        asked = (model.complete(asking("a report", prompt)) for prompt in prompts)
        return await asyncio.gather(*asked, return_exceptions=True)
    finally:
        await model.aclose()


def test_a_question_without_an_answer_is_asked_again_and_the_others_are_not(servers):
    gateway = Aborting(servers[0].url, times=0)
    with served(gateway.app) as url:
        asyncio.run(_ask(url, ["one", "two"]))
        gateway.times = 2
        answers = asyncio.run(_ask(url, ["three"]))
    assert [answer.text for answer in answers] == ["left"]
    assert gateway.asked == {"one": 1, "two": 1, "three": 3}


def test_a_question_that_never_gets_an_answer_fails_after_three(servers):
    gateway = Aborting(servers[0].url, times=99)
    with served(gateway.app) as url:
        (error,) = asyncio.run(_ask(url, ["one"]))
    assert error.reason is Reason.MODEL_NO_ANSWER
    assert gateway.asked == {"one": 3}
