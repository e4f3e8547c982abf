"""A wrong setting stops the worker and a bad prompt is one report's; a prompt that was cut is noticed."""

import asyncio

import pytest
import structlog

from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.openai import OpenAiClient
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.prompting.model_prompt_sets import prompt_set_of
from oncofhir.inference.prompting.prompted_model import PromptedModel, input_limit
from oncofhir.inference.prompting.prompts import load_prompt_set
from oncofhir.schemas.errors import RequestRejected, UnsuitableServer
from oncofhir.schemas.extraction import ModelIdentity

INFO = {"model_id": "m", "model_sha": "a" * 40, "max_input_tokens": 3999, "max_total_tokens": 4000}
REJECTED = (422, {}, {"error": "x", "error_type": "template_error"})
LONG = "The left breast shows a carcinoma of 2.3 cm. " * 40


def answered(text="left", tokens=None, prompt_tokens=900):
    listed = [{"id": 1, "text": text, "logprob": -0.1}] if tokens is None else tokens
    details = {"finish_reason": "eos_token", "generated_tokens": 1, "tokens": listed}
    headers = {"x-prompt-tokens": str(prompt_tokens)}
    return (200, headers, {"generated_text": text, "details": details})


def extract(server, report, prompt_set="cancerllm", client=TgiClient):
    async def go():
        model = PromptedModel(client(ModelHttp(server.url)), load_prompt_set(prompt_set))
        try:
            return await Extractor(model).extract(report)
        finally:
            await model.aclose()

    return asyncio.run(go())


def test_a_server_that_rejects_every_prompt_is_a_wrong_setting(server, read):
    server.replies["/info"] = (200, {}, INFO)
    server.replies["/generate"] = REJECTED
    with pytest.raises(UnsuitableServer, match=r"HTTP 422 template_error.*PROMPT_SET"):
        extract(server, read("left breast"))


def test_a_prompt_that_alone_is_rejected_is_the_reports(server, read):
    server.replies["/info"] = (200, {}, INFO)
    server.replies["/generate"] = lambda body: (
        REJECTED if "poison" in body["inputs"] else answered()
    )
    with pytest.raises(RequestRejected):
        extract(server, read("left breast carcinoma, poison"))
    assert extract(server, read("left breast carcinoma")).findings


def test_a_context_smaller_than_the_prompt_set_needs_is_a_wrong_setting(server, read):
    """As llama.cpp answers; the small model's prompts are not split."""
    error = {"type": "exceed_context_size_error", "n_prompt_tokens": 200, "n_ctx": 128}
    server.replies["/v1/models"] = (200, {}, {"data": [{"id": "m", "meta": {"n_ctx": 128}}]})
    server.replies["/v1/completions"] = (400, {}, {"error": error})
    with pytest.raises(UnsuitableServer, match=r"exceed_context_size_error.*n_ctx=128"):
        extract(server, read("left breast, 2 cm."), "oncofhir-small", OpenAiClient)


def test_a_window_and_its_answer_fit_the_server():
    identity = ModelIdentity(
        name="m", digest="d", server="s", max_input_tokens=2047, max_total_tokens=2048
    )
    assert input_limit(identity, 50) == 1998
    assert input_limit(identity.model_copy(update={"max_total_tokens": None}), 50) == 2047
    assert input_limit(ModelIdentity(name="m", digest="d", server="s"), 50) is None


def tokenized(body):
    text = body["inputs"]
    return (200, {}, [{"start": n, "stop": min(n + 4, len(text))} for n in range(0, len(text), 4)])


def test_a_prompt_that_the_server_cut_is_sent_in_shorter_windows(server, read):
    """It reads 300 tokens at most and says so in its count alone."""
    server.replies["/info"] = (200, {}, INFO)
    server.replies["/tokenize"] = tokenized
    server.replies["/generate"] = lambda body: answered(
        prompt_tokens=min(len(body["inputs"]) // 4, 300)
    )
    extraction = extract(server, read(LONG))
    asked = [body["inputs"] for path, body, _ in server.requests if path == "/generate"]
    assert max(map(len, asked[-9:])) < 300 * 5
    assert len(extraction.answers) > 9


def test_a_prompt_that_is_always_cut_is_a_dead_letter(server, read):
    server.replies["/info"] = (200, {}, INFO)
    server.replies["/tokenize"] = tokenized
    server.replies["/generate"] = lambda body: answered(prompt_tokens=20)
    with pytest.raises(RequestRejected, match="the server cut the prompt: it read 20 of"):
        extract(server, read(LONG))


def test_a_dense_tokenizer_is_not_taken_for_a_cut(server, read):
    server.replies["/info"] = (200, {}, INFO)
    server.replies["/tokenize"] = lambda body: (
        200,
        {},
        [
            {"start": n, "stop": min(n + 7, len(body["inputs"]))}
            for n in range(0, len(body["inputs"]), 7)
        ],
    )
    server.replies["/generate"] = lambda body: answered(prompt_tokens=len(body["inputs"]) // 7)
    assert extract(server, read(LONG)).findings


def test_missing_log_probabilities_are_warned_about_once(server, read):
    server.replies["/info"] = (200, {}, INFO)
    server.replies["/generate"] = answered(tokens=[])
    with structlog.testing.capture_logs() as logs:
        extract(server, read("left breast"))
    assert [log["log_level"] for log in logs if "log-probabilities" in log["event"]] == ["warning"]


def test_a_model_of_another_prompt_set_is_warned_about(server, read):
    server.replies["/info"] = (200, {}, {**INFO, "model_id": "/models/oncofhir-small"})
    server.replies["/generate"] = answered()
    with structlog.testing.capture_logs() as logs:
        extract(server, read("left breast"))
    assert [log["prompt_set_of_model"] for log in logs if "prompt_set" in log] == ["oncofhir-small"]


def test_prompt_sets_by_model():
    assert prompt_set_of("oncofhir-small") == "oncofhir-small"
    assert prompt_set_of("hospital/CancerLLM-7B") == "cancerllm"
    assert prompt_set_of("mistral") is None


@pytest.mark.parametrize(("owner", "first"), [("vllm", 8), ("llamacpp", 1)])
def test_the_leader_goes_first_where_that_pays(server, read, owner, first):
    """vLLM shares a prefix while it is computed: all questions go together."""
    sent = []

    def reply(body):
        sent.append(body["prompt"])
        return (200, {}, {"choices": [{"text": "left", "finish_reason": "stop"}]})

    server.replies["/v1/models"] = (200, {}, {"data": [{"id": "m", "owned_by": owner}]})
    server.replies["/v1/completions"] = reply
    extract(server, read("left breast"), client=OpenAiClient)
    leader = next(prompt for prompt in sent if "tumor size" in prompt)
    before = [p for p in sent[: sent.index(leader)] if "excellent linguist" in p]
    assert (not before) if first == 1 else len(sent) == 9


def test_a_grammar_is_compiled_before_the_first_report(server, read):
    """TGI's first use of a grammar takes half a minute: it is at the start, once."""
    server.replies["/info"] = (200, {}, INFO)
    server.replies["/generate"] = answered('{"tumor_size": "2 cm"}')

    async def go():
        model = PromptedModel(TgiClient(ModelHttp(server.url)), load_prompt_set("chat-json"))
        await model.identify()
        await model.identify()
        await model.aclose()

    asyncio.run(go())
    sent = [body for path, body, _ in server.requests if path == "/generate"]
    assert [body["parameters"]["grammar"]["type"] for body in sent] == ["json"]


def test_a_grammar_that_the_server_refuses_halts_at_the_start(server):
    server.replies["/info"] = (200, {}, INFO)
    server.replies["/generate"] = (422, {}, {"error": "x", "error_type": "validation"})

    async def go():
        model = PromptedModel(TgiClient(ModelHttp(server.url)), load_prompt_set("chat-json"))
        try:
            await model.identify()
        finally:
            await model.aclose()

    with pytest.raises(UnsuitableServer, match="HTTP 422 validation"):
        asyncio.run(go())
