"""TGI's API, of the scripted server and of llama.cpp's, over real sockets, held to TGI's published rules."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from oncofhir.demo.model_server import EmbeddedModelServer
from oncofhir.inference.clients.client import CompletionRequest
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.openai import OpenAiClient
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.inference.prompting.prompts import load_prompt_set
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, RequestRejected
from oncofhir.schemas.reasons import Reason
from oncofhir.testing.scripted_model import ScriptedModel

SCRIPT = [
    {"contains": ["slow"], "answer": "late", "delay_seconds": 3},
    {"contains": ["fail"], "status": 424},
    {"contains": ["sick"], "status": 503},
    {"contains": ["size"], "answer": "2.3 cm\n### more"},
]


@pytest.fixture(scope="module")
def scripted():
    with ScriptedModel(SCRIPT, max_concurrent_requests=4) as server:
        yield server.url


@pytest.fixture(scope="module")
def llama():
    with EmbeddedModelServer() as server:
        yield server.url


@pytest.fixture(params=["scripted", "llama"])
def url(request):
    return request.getfixturevalue(request.param)


def post(url, body, path="/generate"):
    return httpx2.post(url + path, json=body, trust_env=False, timeout=30)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"temperature": 0}, "`temperature` must be strictly positive"),
        ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
        ({"typical_p": 0.0}, "`typical_p` must be > 0.0 and < 1.0"),
        ({"top_k": 0}, "`top_k` must be strictly positive"),
        ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
        ({"repetition_penalty": 0}, "`repetition_penalty` must be strictly positive"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "`stop` supports up to 4 stop sequences. Given: 5"),
    ],
)
def test_parameter_rules(url, parameters, said):
    answer = post(url, {"inputs": "x", "parameters": parameters})
    assert answer.status_code == 422
    assert answer.json() == {"error": f"Input validation error: {said}", "error_type": "validation"}


def test_too_long_is_422_in_tgis_words(url):
    info = httpx2.get(f"{url}/info", trust_env=False).json()
    long = "word " * (info["max_total_tokens"] + 10)
    answer = post(url, {"inputs": long, "parameters": {"max_new_tokens": 5}})
    assert answer.status_code == 422
    total = info["max_total_tokens"]
    assert answer.json()["error"].startswith(
        f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {total}. Given: "
    )


def test_unknown_keys_are_ignored_and_details_come_only_when_asked(url):
    answer = post(url, {"inputs": "tumor size", "parameters": {"max_new_tokens": 4, "novel": 1}})
    assert answer.status_code == 200
    assert set(answer.json()) == {"generated_text"}
    answer = post(
        url, {"inputs": "tumor size", "parameters": {"max_new_tokens": 4, "details": True}}
    )
    details = answer.json()["details"]
    assert details["finish_reason"] in {"length", "eos_token", "stop_sequence"}
    assert details["generated_tokens"] == len(details["tokens"])
    assert set(details["tokens"][0]) == {"id", "text", "logprob", "special"}
    for header in ("x-prompt-tokens", "x-generated-tokens", "x-queue-time", "x-inference-time"):
        assert answer.headers[header].isdigit()


def test_root_answers_with_a_list_and_the_prompt(url):
    answer = post(url, {"inputs": "tumor size", "parameters": {"max_new_tokens": 2}}, "/")
    assert answer.json()[0]["generated_text"].startswith("tumor size")
    assert httpx2.get(url, trust_env=False).status_code == 200


def test_what_axum_refuses_is_plain_text(url):
    for content, kind, status in [
        (b"{", "application/json", 400),
        (b'{"parameters": {}}', "application/json", 422),
        (b"{}", "text/plain", 415),
        (b'{"inputs": "' + b"x" * 2_100_000 + b'"}', "application/json", 413),
    ]:
        answer = httpx2.post(
            f"{url}/generate", content=content, headers={"content-type": kind}, trust_env=False
        )
        assert answer.status_code == status
        assert "error_type" not in answer.text


def test_chat_without_template(url):
    answer = post(url, {"model": "tgi", "messages": []}, "/v1/chat/completions")
    assert answer.status_code == 422
    assert answer.json()["error_type"] == "template_error"


def test_info_health_metrics_models(url):
    info = httpx2.get(f"{url}/info", trust_env=False).json()
    for name in ("model_id", "model_sha", "max_concurrent_requests", "max_input_tokens", "version"):
        assert info[name]
    for path in ("/health", "/ping"):
        assert httpx2.get(url + path, trust_env=False).status_code == 200
    assert "tgi_request_count" in httpx2.get(f"{url}/metrics", trust_env=False).text
    models = httpx2.get(f"{url}/v1/models", trust_env=False).json()
    assert models["data"][0]["id"] == info["model_id"]


def test_full_is_429_at_once(scripted):
    def requests():
        return httpx2.get(f"{scripted}/_scripted", trust_env=False).json()["requests"]

    before = requests()
    with ThreadPoolExecutor(4) as pool:
        held = [pool.submit(post, scripted, {"inputs": "slow"}) for _ in range(4)]
        while requests() < before + 4:
            time.sleep(0.01)
        refused = post(scripted, {"inputs": "slow"})
        assert not any(request.done() for request in held)
    assert refused.status_code == 429
    assert refused.json() == {"error": "Model is overloaded", "error_type": "overloaded"}
    assert {request.result().status_code for request in held} == {200}


def ask(url, prompt, client=TgiClient, **how):
    async def asked():
        adapter = client(ModelHttp(url, timeout=5, **how))
        try:
            request = CompletionRequest(prompt=prompt, max_new_tokens=16, stop=("###", "\n"))
            return await adapter.identify(), await adapter.complete(request)
        finally:
            await adapter.aclose()

    return asyncio.run(asked())


@pytest.mark.parametrize(("client", "confidence"), [(TgiClient, 0.9), (OpenAiClient, None)])
def test_the_adapters_trim_stop_strings_and_give_the_confidence_that_there_is(
    scripted, client, confidence
):
    identity, completion = ask(scripted, "the tumor size", client)
    assert identity.name == "scripted"
    assert completion.text == "2.3 cm"
    assert completion.confidence == (confidence and pytest.approx(confidence))
    assert completion.prompt_tokens == 3


@pytest.mark.parametrize(
    ("prompt", "error", "reason"),
    [
        ("word " * 5000, RequestRejected, Reason.MODEL_REJECTED_PROMPT),
        ("please fail now", DependencyUnavailable, Reason.MODEL_FAILED),
        ("please be sick", DependencyUnavailable, Reason.MODEL_FAILED),
    ],
)
def test_documented_errors_become_typed_ones_without_the_prompt(scripted, prompt, error, reason):
    with pytest.raises(error) as raised:
        ask(scripted, prompt)
    assert raised.value.reason is reason
    assert prompt.strip()[:20] not in str(raised.value)


def test_nobody_there_names_the_address():
    with pytest.raises(DependencyUnavailable, match=r"http://127\.0\.0\.1:9") as raised:
        ask("http://127.0.0.1:9", "x")
    assert raised.value.reason is Reason.MODEL_UNREACHABLE


def test_api_key_guards_generation_and_nothing_else(tmp_path):
    from oncofhir.inference.server.app import create_app
    from oncofhir.testing.scripted_model import ScriptedEngine
    from tests.serving import served

    with served(create_app(ScriptedEngine([]), api_key="secret")) as url:
        assert httpx2.get(f"{url}/info", trust_env=False).status_code == 200
        assert post(url, {"inputs": "x"}).status_code == 401
        with pytest.raises(AccessDenied) as raised:
            ask(url, "x")
        assert raised.value.reason is Reason.MODEL_ACCESS_DENIED
        assert ask(url, "x", token=lambda: "secret")[1].text == "not mentioned"


def test_prompts_that_share_a_prefix_run_on_one_slot(llama):
    """Fewer tokens are evaluated for nine questions on one text than for nine on different ones."""

    def evaluated() -> float:
        text = httpx2.get(f"{llama}/metrics", trust_env=False).text
        line = next(
            row
            for row in text.splitlines()
            if row.startswith("oncofhir_prompt_tokens_evaluated_total")
        )
        return float(line.split()[-1])

    prompts = load_prompt_set("cancerllm")
    text = " ".join(f"line {n} of the gross description;" for n in range(25))

    def cost(texts: list[str]) -> float:
        before = evaluated()
        with ThreadPoolExecutor(9) as pool:
            bodies = [
                {"inputs": prompts.prompt(q, t), "parameters": {"max_new_tokens": 1}}
                for q, t in zip(prompts.phenotype.questions, texts, strict=True)
            ]
            assert all(
                answer.status_code == 200 for answer in pool.map(lambda b: post(llama, b), bodies)
            )
        return evaluated() - before

    shared = cost([f"A {text}"] * 8)
    apart = cost([f"{n} {text}" for n in range(8)])
    assert shared * 2 < apart, json.dumps({"shared": shared, "apart": apart})
