"""The adapters, against a server on a real socket."""

import asyncio
import math

import pytest

from oncofhir.inference.clients.answer import cut_at_stop
from oncofhir.inference.clients.client import CompletionRequest
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.openai import OpenAiClient
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, RequestRejected
from oncofhir.schemas.reasons import Reason

SECRET = "CANARY-7731 invasive carcinoma"
ASK = CompletionRequest(prompt=SECRET, max_new_tokens=50, stop=("###", "\n"))
GENERATED = {
    "generated_text": "2.5 cm\n\n### Inst",
    "details": {
        "finish_reason": "stop_sequence",
        "generated_tokens": 3,
        "seed": None,
        "prefill": [],
        "tokens": [
            {"id": 1, "text": "2.5", "logprob": math.log(0.5), "special": False},
            {"id": 2, "text": " cm", "logprob": math.log(0.5), "special": False},
            {"id": 3, "text": "</s>", "logprob": -9.0, "special": True},
        ],
    },
}


def run(client_type, server, call, **options):
    async def go():
        client = client_type(ModelHttp(server.url, timeout=5, **options))
        try:
            return await call(client)
        finally:
            await client.aclose()

    return asyncio.run(go())


def test_tgi_is_asked_greedily_with_every_parameter(server):
    headers = {"x-prompt-tokens": "120", "x-queue-time": "250"}
    server.replies["/generate"] = (200, headers, GENERATED)
    completion = run(TgiClient, server, lambda c: c.complete(ASK), token=lambda: "t0ken")
    path, body, sent = server.requests[0]
    assert path == "/generate"
    assert body["inputs"] == SECRET
    assert body["parameters"] == {
        "max_new_tokens": 50,
        "do_sample": False,
        "details": True,
        "return_full_text": False,
        "decoder_input_details": False,
        "top_n_tokens": 2,
        "stop": ["###", "\n"],
    }
    assert {k.lower(): v for k, v in sent.items()}["authorization"] == "Bearer t0ken"
    assert completion.text == "2.5 cm"
    assert completion.confidence == pytest.approx(0.5)
    assert (completion.prompt_tokens, completion.generated_tokens) == (120, 3)
    assert completion.queue_seconds == 0.25


def test_tgi_without_its_headers_or_with_odd_ones(server):
    server.replies["/generate"] = (200, {"x-queue-time": "soon"}, GENERATED)
    completion = run(TgiClient, server, lambda c: c.complete(ASK))
    assert completion.prompt_tokens is None
    assert completion.queue_seconds is None


def test_tgi_says_who_it_is(server):
    server.replies["/info"] = (
        200,
        {},
        {
            "model_id": "cancerllm",
            "model_sha": "ABCDEF0123",
            "version": "3.3.7",
            "max_input_tokens": 1500,
            "x": 1,
        },
    )
    identity = run(TgiClient, server, lambda c: c.identify())
    assert (identity.name, identity.digest, identity.max_input_tokens) == (
        "cancerllm",
        "abcdef0123",
        1500,
    )


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (422, RequestRejected, Reason.MODEL_REJECTED_PROMPT),
        (413, RequestRejected, Reason.MODEL_REJECTED_PROMPT),
        (429, DependencyUnavailable, Reason.MODEL_OVERLOADED),
        (424, DependencyUnavailable, Reason.MODEL_FAILED),
        (500, DependencyUnavailable, Reason.MODEL_FAILED),
        (503, DependencyUnavailable, Reason.MODEL_FAILED),
        (404, DependencyUnavailable, Reason.MODEL_FAILED),
        (302, DependencyUnavailable, Reason.MODEL_FAILED),
        (401, AccessDenied, Reason.MODEL_ACCESS_DENIED),
        (403, AccessDenied, Reason.MODEL_ACCESS_DENIED),
    ],
)
@pytest.mark.parametrize(
    "body", [{"error": SECRET, "error_type": "x"}, b"plain " + SECRET.encode()]
)
def test_errors_are_typed_and_hold_no_text(server, status, error, reason, body):
    server.replies["/generate"] = (status, {"retry-after": "7"}, body)
    with pytest.raises(error) as caught:
        run(TgiClient, server, lambda c: c.complete(ASK))
    assert caught.value.reason is reason
    assert "CANARY" not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    if status == 429:
        assert caught.value.retry_after == 7


@pytest.mark.parametrize(
    "body", [b"", b"<html>", {"generated_text": 3}, [], {"generated_text": "x"}]
)
def test_an_answer_of_another_form_is_a_failure_of_the_server(server, body):
    server.replies["/generate"] = (200, {}, body)
    with pytest.raises(DependencyUnavailable) as caught:
        run(TgiClient, server, lambda c: c.complete(ASK))
    assert caught.value.reason is Reason.MODEL_FAILED


def test_no_server():
    async def go():
        client = TgiClient(ModelHttp("http://127.0.0.1:9", timeout=2))
        try:
            assert not await client.healthy()
            await client.complete(ASK)
        finally:
            await client.aclose()

    with pytest.raises(DependencyUnavailable) as caught:
        asyncio.run(go())
    assert caught.value.reason is Reason.MODEL_UNREACHABLE
    assert "127.0.0.1:9" in str(caught.value)


def test_healthy(server):
    server.replies["/health"] = (200, {}, b"")
    assert run(TgiClient, server, lambda c: c.healthy())
    server.replies["/health"] = (503, {}, b"")
    assert not run(TgiClient, server, lambda c: c.healthy())


def test_completions_of_openai(server):
    server.replies["/v1/models"] = (200, {}, {"data": [{"id": "m", "max_model_len": 4096}]})
    server.replies["/v1/completions"] = (
        200,
        {},
        {
            "choices": [
                {
                    "text": "left\n### x",
                    "finish_reason": "stop",
                    "logprobs": {"token_logprobs": [-0.1, None]},
                }
            ],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2},
        },
    )

    async def both(client):
        return await client.identify(), await client.complete(ASK)

    identity, completion = run(OpenAiClient, server, both)
    assert (identity.name, identity.digest, identity.max_total_tokens) == (
        "m",
        "undetermined:m",
        4096,
    )
    assert completion.text == "left"
    assert [t.logprob for t in completion.tokens] == [-0.1]
    body = server.requests[-1][1]
    assert (body["temperature"], body["max_tokens"], body["model"]) == (0, 50, "m")


def test_chat_of_openai(server):
    server.replies["/v1/models"] = (200, {}, {"data": [{"id": "m"}]})
    server.replies["/v1/chat/completions"] = (
        200,
        {},
        {
            "choices": [
                {
                    "message": {"content": "IIB"},
                    "logprobs": {"content": [{"token": "IIB", "logprob": -0.2}]},
                }
            ]
        },
    )

    async def go():
        client = OpenAiClient(ModelHttp(server.url), chat=True)
        try:
            return await client.complete(ASK)
        finally:
            await client.aclose()

    completion = asyncio.run(go())
    assert (completion.text, [t.logprob for t in completion.tokens]) == ("IIB", [-0.2])
    assert server.requests[-1][1]["messages"] == [{"role": "user", "content": SECRET}]


def test_the_first_stop_string_ends_the_text():
    assert cut_at_stop("a\nb ### c", ("###", "\n")) == "a"
    assert cut_at_stop("a", ("###",)) == "a"
