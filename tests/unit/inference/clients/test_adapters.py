"""The adapters, against a server on a real socket."""

import asyncio
import contextlib
import json
import math

import pytest

from oncofhir.inference.clients.client import CompletionRequest
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.openai import OpenAiClient
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    RequestRejected,
    UnsuitableServer,
)
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


def test_a_bfloat16_server_is_less_than_certain(server):
    """Rounded to 0, but the second token's distance says how sure it was."""
    token = {"id": 1, "text": "left", "logprob": 0.0, "special": False}
    second = {"id": 2, "text": "right", "logprob": -3.0, "special": False}
    details = {
        "finish_reason": "eos_token",
        "generated_tokens": 1,
        "tokens": [token],
        "top_tokens": [[token, second]],
    }
    server.replies["/generate"] = (200, {}, {"generated_text": "left", "details": details})
    completion = run(TgiClient, server, lambda c: c.complete(ASK))
    assert completion.confidence == pytest.approx(1 / (1 + math.exp(-3)))


def test_exact_log_probabilities_stay(server):
    details = GENERATED["details"]
    tops = [[t, {**t, "id": 9, "logprob": -8.0}] for t in details["tokens"]]
    reply = {**GENERATED, "details": {**details, "top_tokens": tops}}
    server.replies["/generate"] = (200, {}, reply)
    completion = run(TgiClient, server, lambda c: c.complete(ASK))
    assert completion.confidence == pytest.approx(0.5)


@pytest.mark.parametrize("logprob", ["NaN", "Infinity", "-Infinity", '"soon"', "[]"])
def test_log_probabilities_that_are_no_numbers_are_a_fault_of_the_server(server, logprob):
    raw = json.dumps(GENERATED).replace("-9.0", logprob).encode()
    server.replies["/generate"] = (200, {}, raw)
    with pytest.raises(DependencyUnavailable) as caught:
        run(TgiClient, server, lambda c: c.complete(ASK))
    assert caught.value.reason is Reason.MODEL_FAILED


def test_deep_and_broken_json_is_a_fault_of_the_server(server):
    for raw in (b"[" * 200_000, rb'{"generated_text": "\ud800"', b"\xff"):
        server.replies["/generate"] = (200, {}, raw)
        with pytest.raises(DependencyUnavailable) as caught:
            run(TgiClient, server, lambda c: c.complete(ASK))
        assert caught.value.reason is Reason.MODEL_FAILED


def test_an_endless_answer_ends(server, monkeypatch):
    monkeypatch.setattr("oncofhir.inference.clients.http.MAX_ANSWER_BYTES", 10_000)
    server.replies["/generate"] = (200, {}, b" " * 50_000 + json.dumps(GENERATED).encode())
    with pytest.raises(DependencyUnavailable, match="exceeds 10000 bytes"):
        run(TgiClient, server, lambda c: c.complete(ASK))


def test_an_answer_that_trickles_ends_with_the_total_time():
    async def go():
        async def trickle(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            with contextlib.suppress(ConnectionError), contextlib.closing(writer):
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.02)

        listening = await asyncio.start_server(trickle, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        client = TgiClient(ModelHttp(f"http://127.0.0.1:{port}", timeout=0.3))
        try:
            await client.complete(ASK)
        finally:
            await client.aclose()
            listening.close()

    with pytest.raises(DependencyUnavailable) as caught:
        asyncio.run(go())
    assert caught.value.reason is Reason.MODEL_UNREACHABLE


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (422, {"error": SECRET, "error_type": "validation"}, "HTTP 422 validation"),
        (
            400,
            {
                "error": {
                    "code": 400,
                    "message": SECRET,
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 900,
                    "n_ctx": 512,
                }
            },
            "HTTP 400 exceed_context_size_error n_prompt_tokens=900 n_ctx=512",
        ),
        (
            400,
            {"error": {"message": SECRET, "type": "BadRequestError"}},
            "HTTP 400 BadRequestError",
        ),
        (400, {"error": {"type": SECRET}}, "HTTP 400 other"),
        (400, b"[" * 5000, "HTTP 400"),
    ],
)
def test_a_rejection_names_the_servers_error_type_alone(server, status, body, detail):
    server.replies["/generate"] = (status, {}, body)
    with pytest.raises(RequestRejected) as caught:
        run(TgiClient, server, lambda c: c.complete(ASK))
    assert caught.value.detail == detail


@pytest.mark.parametrize("client", [TgiClient, OpenAiClient])
def test_another_api_is_named(server, client):
    with pytest.raises(UnsuitableServer, match=r"404.*ONCOFHIR_MODEL__"):
        run(client, server, lambda c: c.identify())


def test_a_model_that_is_served_no_more_is_asked_for_again(server):
    server.replies["/v1/models"] = (200, {}, {"data": [{"id": "old"}]})
    server.replies["/v1/completions"] = lambda body: (
        (404, {}, {"error": {"type": "NotFoundError"}})
        if body["model"] == "old"
        else (200, {}, {"choices": [{"text": "left", "finish_reason": "stop"}]})
    )

    async def go(client):
        with pytest.raises(DependencyUnavailable):
            await client.complete(ASK)
        server.replies["/v1/models"] = (200, {}, {"data": [{"id": "new"}]})
        return await client.complete(ASK)

    assert run(OpenAiClient, server, go).text == "left"


@pytest.mark.parametrize(
    ("model", "server_kind", "limit"),
    [
        ({"owned_by": "vllm", "root": "/weights", "max_model_len": 4096}, "vllm", 4096),
        ({"owned_by": "llamacpp", "meta": {"n_ctx": 512, "n_ctx_train": 4096}}, "llama.cpp", 512),
        ({"owned_by": "llamacpp", "meta": None}, "llama.cpp", None),
        ({}, "openai-compatible", None),
    ],
)
def test_limits_and_kind_of_openai_servers(server, model, server_kind, limit):
    server.replies["/v1/models"] = (200, {}, {"data": [{"id": "m", **model}]})
    identity = run(OpenAiClient, server, lambda c: c.identify())
    assert (identity.server, identity.max_total_tokens) == (server_kind, limit)
    assert identity.digest == "undetermined:m"


def test_tgis_limits_on_its_openai_api(server):
    server.replies["/v1/models"] = (200, {}, {"data": [{"id": "m"}]})
    info = {"model_sha": "a" * 40, "max_input_tokens": 2047, "max_total_tokens": 2048}
    server.replies["/info"] = (200, {}, info)
    identity = run(OpenAiClient, server, lambda c: c.identify())
    assert (identity.digest, identity.max_total_tokens) == ("a" * 40, 2048)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"content": None}, "stop"),
        ({"content": None, "reasoning_content": SECRET}, "length"),
        ({"content": "", "refusal": SECRET}, "stop"),
        ({"content": ""}, "content_filter"),
        ({"content": "left"}, "abort"),
    ],
)
def test_no_answer_of_a_chat(server, message, reason):
    server.replies["/v1/models"] = (200, {}, {"data": [{"id": "m"}]})
    choice = {"message": message, "finish_reason": reason}
    server.replies["/v1/chat/completions"] = (200, {}, {"choices": [choice]})

    async def go():
        client = OpenAiClient(ModelHttp(server.url), chat=True)
        try:
            return await client.complete(ASK)
        finally:
            await client.aclose()

    with pytest.raises(DependencyUnavailable) as caught:
        asyncio.run(go())
    assert caught.value.reason is Reason.MODEL_NO_ANSWER
    assert "CANARY" not in str(caught.value)


def test_offsets_that_are_all_zero_leave_the_number_of_tokens(server):
    """As TGI answers where it cannot write its tokenizer to ./out."""
    server.replies["/tokenize"] = (200, {}, [{"id": 1, "text": "", "start": 0, "stop": 0}] * 4)
    ends = run(TgiClient, server, lambda c: c.token_ends("left breast."))
    assert ends == (3, 6, 9, 12)


def test_offsets_of_tgi_are_bytes(server):
    spans = [{"id": 1, "text": "<s>", "start": 0, "stop": 0}]
    spans += [{"id": n, "text": "", "start": 3 * n, "stop": 3 * n + 3} for n in range(4)]
    server.replies["/tokenize"] = (200, {}, spans)
    ends = run(TgiClient, server, lambda c: c.token_ends("\u5de6\u4e73\u817a\u764c"))
    assert ends == (1, 2, 3, 4)
