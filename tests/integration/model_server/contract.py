"""The model contract: what every model server does for the service, whatever its API. Cases, not tests.

`test_contract.py` runs them on the stand-in and on llama.cpp's own server, `tests/vllm` on vLLM.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.clients.client import CompletionRequest, ModelClient
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.openai import OpenAiClient
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.prompting.prompted_model import PromptedModel
from oncofhir.inference.prompting.prompts import load_prompt_set
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected, UnsuitableServer
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.report import Report

PROMPTS = load_prompt_set("oncofhir-small")
SENTENCE = "final diagnosis: left breast, excision: invasive ductal carcinoma, grade 2, 2.3 cm."
WINDOW = 512


@dataclass(frozen=True)
class Served:
    """A running server of the small model, and how to talk to it."""

    name: str
    url: str
    api: str
    digest: str | None = None

    def client(self, url: str | None = None) -> ModelClient:
        """A new client."""
        http = ModelHttp(url or self.url, timeout=60)
        return TgiClient(http) if self.api == "tgi" else OpenAiClient(http)

    def run(self, story: Callable[[ModelClient], Awaitable[Any]]) -> Any:
        """Run a story with a client, on an event loop of its own."""

        async def go() -> Any:
            client = self.client()
            try:
                return await story(client)
            finally:
                await client.aclose()

        return asyncio.run(go())


def asking(question: str, text: str = SENTENCE, **changes: Any) -> CompletionRequest:
    """Build the request for a question of the small model's prompt set."""
    whole = {"max_new_tokens": 32, "stop": PROMPTS.format.stop, **changes}
    return CompletionRequest(prompt=PROMPTS.prompt(question, text), **whole)


def it_says_who_it_is(served: Served) -> None:
    identity = served.run(lambda client: client.identify())
    assert identity.name.startswith("oncofhir-small")
    assert "/" not in identity.digest
    assert identity.digest != "unknown"
    assert identity.digest == (served.digest or f"undetermined:{identity.name}")
    assert identity.max_total_tokens == WINDOW


def it_answers(served: Served) -> None:
    completion = served.run(lambda client: client.complete(asking("tumor laterality")))
    assert completion.text.strip() == "left"
    assert completion.finish_reason in {"eos_token", "stop_sequence", "stop"}
    assert completion.prompt_tokens > 80
    assert completion.generated_tokens >= 1


def the_tokens_make_up_the_answer(served: Served) -> None:
    """No end token and no stop string: the same confidence everywhere."""
    for question in PROMPTS.questions:
        completion = served.run(lambda client, q=question: client.complete(asking(q)))
        assert "".join(token.text for token in completion.tokens) == completion.text
        assert (completion.confidence is None) == (completion.text == "")
        assert all(token.logprob <= 0 for token in completion.tokens)


def a_stop_string_ends_the_answer(served: Served) -> None:
    request = asking("tumor size", stop=(" cm",))
    completion = served.run(lambda client: client.complete(request))
    assert completion.text.strip() == "2.3"
    assert "cm" not in "".join(token.text for token in completion.tokens)


def an_answer_is_cut_at_its_length(served: Served) -> None:
    request = asking("histological type", max_new_tokens=2)
    completion = served.run(lambda client: client.complete(request))
    assert completion.finish_reason == "length"
    assert completion.generated_tokens == 2


def the_prompt_begins_with_bos(served: Served) -> None:
    """The same number of tokens everywhere: a server that loses the BOS reads one less."""
    request = CompletionRequest(prompt="left breast", max_new_tokens=1)

    async def both(client: ModelClient) -> tuple[int, int]:
        ends = await client.token_ends("left breast")
        return (await client.complete(request)).prompt_tokens or 0, len(ends or ())

    prompt_tokens, own = served.run(both)
    assert prompt_tokens == own + 1 or (served.api == "tgi" and prompt_tokens == own)


def token_ends_are_characters(served: Served) -> None:
    text = "Gr\u00f6\u00dfe 2,3 cm \u5de6\u4e73\u817a\u764c \u2265 5"
    ends = served.run(lambda client: client.token_ends(text))
    assert list(ends) == sorted(ends)
    assert ends[-1] == len(text)
    assert len([end for end in ends if end == 1]) == 1


def a_prompt_that_is_too_long_is_rejected(served: Served) -> None:
    request = CompletionRequest(prompt="word " * 2000, max_new_tokens=5)
    with pytest.raises(RequestRejected) as raised:
        served.run(lambda client: client.complete(request))
    assert "HTTP 4" in str(raised.value)
    assert "word" not in str(raised.value)


def a_context_that_is_too_small_is_a_wrong_setting(served: Served) -> None:
    """Every prompt is longer than the window: the worker halts, and no report is a dead letter."""
    wide = PROMPTS.model_copy(
        update={"format": PROMPTS.format.model_copy(update={"max_new_tokens": 32}),
                "context": PROMPTS.context.model_copy(update={"max_characters": 6000}),
                "phenotype": PROMPTS.phenotype.model_copy(update={"instruction": "word " * 900})}
    )  # fmt: skip
    report = plain_report("left breast: carcinoma, 2 cm, grade 2.")
    with pytest.raises(UnsuitableServer):
        served.run(lambda client: Extractor(PromptedModel(client, wide)).extract(report))


def another_api_is_named(served: Served) -> None:
    other = Served(served.name, served.url, "openai" if served.api == "tgi" else "tgi")
    if served.api == "tgi":  # TGI has both APIs
        assert other.run(lambda client: client.identify()).name.startswith("oncofhir-small")
        return
    with pytest.raises(UnsuitableServer, match="ONCOFHIR_MODEL__API"):
        other.run(lambda client: client.identify())


def nobody_there_is_unavailable(served: Served) -> None:
    async def go() -> None:
        client = served.client("http://127.0.0.1:9")
        try:
            await client.complete(asking("tumor size"))
        finally:
            await client.aclose()

    with pytest.raises(DependencyUnavailable):
        asyncio.run(go())


CASES = (
    it_says_who_it_is,
    it_answers,
    the_tokens_make_up_the_answer,
    a_stop_string_ends_the_answer,
    an_answer_is_cut_at_its_length,
    the_prompt_begins_with_bos,
    token_ends_are_characters,
    a_prompt_that_is_too_long_is_rejected,
    a_context_that_is_too_small_is_a_wrong_setting,
    another_api_is_named,
    nobody_there_is_unavailable,
)


def plain_report(text: str) -> Report:
    """A report of one text."""
    return report_from_text(text.encode(), "contract")


def extracted(served: Served, texts: dict[str, str]) -> dict[str, Extraction]:
    """What is found in each text with the server."""

    async def all_of(client: ModelClient) -> dict[str, Extraction]:
        extractor = Extractor(PromptedModel(client, PROMPTS))
        return {name: await extractor.extract(plain_report(text)) for name, text in texts.items()}

    found: dict[str, Extraction] = served.run(all_of)
    return found


def differences(
    one: dict[str, Extraction], other: dict[str, Extraction], *, confidences: bool = True
) -> list[str]:
    """Names of the texts in which two servers find something else, or with a confidence 0.02 apart."""

    def findings(extraction: Extraction) -> dict[tuple[str, str | None, str], float | None]:
        return {
            (f.kind.value, f.slot, f.value): f.confidence if confidences else None
            for f in extraction.findings
        }

    different = []
    for name, extraction in one.items():
        here, there = findings(extraction), findings(other[name])
        if here.keys() != there.keys() or here != pytest.approx(there, abs=0.02):
            different.append(name)
    return different
