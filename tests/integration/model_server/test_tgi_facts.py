"""What TGI 3.3 does, fact by fact (tests/data/tgi-3.3): the stand-in answers in this form, and the client reads it so."""

import asyncio
import json
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.demo.model_server import EmbeddedModelServer
from oncofhir.inference.clients.client import CompletionRequest
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.openai import OpenAiClient
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.schemas import errors
from oncofhir.testing.scripted_model import ScriptedModel
from tests.integration.model_server.contract import PROMPTS, SENTENCE
from tests.serving import served

FOLDER = Path(__file__).parents[2] / "data" / "tgi-3.3"
FACTS = {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}
OF_THE_CLIENT = [name for name, fact in FACTS.items() if "client" in fact]
ENGINES = ("scripted", "llama")
OF_THE_STAND_IN = [
    (name, engine)
    for name, fact in FACTS.items()
    if "stand_in" in fact
    for engine in ENGINES
    if fact["stand_in"].get("engine", engine) == engine
]
PLACEHOLDERS = {
    "<any>": lambda value: True,
    "<text>": lambda value: isinstance(value, str) and value != "",
    "<int>": lambda value: type(value) is int,
    "<number>": lambda value: float(value) >= 0,
    "<logprob>": lambda value: isinstance(value, float) and value <= 0,
}


@pytest.fixture(scope="module")
def scripted():
    with ScriptedModel([{"contains": [], "answer": "left"}]) as server:
        server.control(model_sha=None)
        yield server.url


@pytest.fixture(scope="module")
def llama():
    with EmbeddedModelServer() as server:
        yield server.url


def mismatches(form, value, at="$"):
    """Where a value does not have a form."""
    if isinstance(form, str):
        if form.startswith("<begins>"):
            return [] if str(value).startswith(form.removeprefix("<begins>")) else [at]
        is_right = PLACEHOLDERS[form](value) if form in PLACEHOLDERS else value == form
        return [] if is_right else [at]
    if isinstance(form, dict):
        if not isinstance(value, dict) or form.keys() != value.keys():
            return [at]
        return [m for key in form for m in mismatches(form[key], value[key], f"{at}.{key}")]
    if isinstance(form, list):
        return list_mismatches(form, value, at)
    return [] if form == value and type(form) is type(value) else [at]


def list_mismatches(form, value, at):
    """A list; "..." at its end repeats the last form, at its beginning it stands for any values."""
    if not isinstance(value, list):
        return [at]
    if form[:1] == ["..."]:
        form = ["<any>"] * (len(value) - len(form) + 1) + form[1:]
    if form[-1:] == ["..."]:
        form = form[:-1] + [form[-2]] * (len(value) - len(form) + 1)
    if len(form) != len(value):
        return [at]
    pairs = zip(form, value, strict=True)
    return [m for n, (f, v) in enumerate(pairs) for m in mismatches(f, v, f"{at}[{n}]")]


def prompt_for(url, inputs):
    if inputs == "<small-model>":
        return PROMPTS.prompt("tumor laterality", SENTENCE)
    if inputs == "<full-window>":
        longest = httpx2.get(f"{url}/info", trust_env=False).json()["max_input_tokens"]
        return "word " * longest
    return inputs


@pytest.mark.parametrize(("name", "engine"), OF_THE_STAND_IN)
def test_the_stand_in_answers_as_tgi_does(name, engine, request):
    url, told = request.getfixturevalue(engine), FACTS[name]["stand_in"]
    body = dict(told["request"].get("body") or {})
    if "inputs" in body:
        body["inputs"] = prompt_for(url, body["inputs"])
    answer = httpx2.request(
        told["request"]["method"],
        url + told["request"]["path"],
        json=body or None,
        trust_env=False,
        timeout=60,
    )
    assert answer.status_code == told["status"]
    assert mismatches(told["body"], answer.json()) == [], answer.json()
    for header, form in told.get("headers", {}).items():
        assert mismatches(form, answer.headers[header]) == [], header
    for key, value in told.get("last", {}).items():
        assert answer.json()[-1][key] == value


def replaying(answers):
    """A server that gives the fact's answers, and no others."""

    async def reply(request):
        if request.url.path == "/health":
            return Response()
        told = answers[request.url.path]
        return JSONResponse(told["body"], told["status"], told.get("headers"))

    return Starlette(routes=[Route("/{path:path}", reply, methods=["GET", "POST"])])


def asked(url, told):
    """What the client makes of it."""

    async def go():
        http = ModelHttp(url, timeout=10)
        api = told.get("api", "tgi")
        client = TgiClient(http) if api == "tgi" else OpenAiClient(http, chat=api == "chat")
        try:
            if told["call"] == "identify":
                return await client.identify()
            if told["call"] == "token_ends":
                return await client.token_ends(told["text"])
            return await client.complete(CompletionRequest(prompt="a prompt", max_new_tokens=4))
        finally:
            await client.aclose()

    return asyncio.run(go())


@pytest.mark.parametrize("name", OF_THE_CLIENT)
def test_the_client_reads_what_tgi_answers(name):
    told = FACTS[name]["client"]
    with served(replaying(FACTS[name]["answers"])) as url:
        if "error" in told:
            with pytest.raises(getattr(errors, told["error"])) as raised:
                asked(url, told)
            assert told["says"] in str(raised.value)
            assert "a prompt" not in str(raised.value)
            return
        result = asked(url, told)
    if told["call"] == "token_ends":
        assert list(result) == told["ends"]
        return
    expected = {key: value for key, value in told.items() if key not in {"call", "api"}}
    found = {key: getattr(result, key) for key in expected}
    assert found == {
        key: pytest.approx(value, abs=5e-4) if isinstance(value, float) else value
        for key, value in expected.items()
    }


def test_every_row_of_the_table_is_there_and_is_used():
    readme = (FOLDER / "README.md").read_text()
    rows = {fact["row"] for fact in FACTS.values()}
    assert rows == set(range(1, 14)) - {3}
    assert "Row 3" in readme
    assert all("client" in fact or "stand_in" in fact for fact in FACTS.values())
    assert all(("answers" in fact) == ("client" in fact) for fact in FACTS.values())
