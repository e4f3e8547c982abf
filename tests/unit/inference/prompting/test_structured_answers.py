"""An answer to all questions at once, as servers give it: whole, fenced, cut off, or no JSON at all."""

import asyncio
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.inference.clients.client import Completion, GeneratedToken
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.openai import OpenAiClient
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.prompting.prompted_model import PromptedModel
from oncofhir.inference.prompting.prompts import load_prompt_set
from oncofhir.inference.prompting.structured_answers import parse_structured_answers

KEYS = {"tumor_size": "tumor size", "tumor_laterality": "tumor laterality"}
WHOLE = '{"tumor_size": "2.3 cm", "tumor_laterality": "left"}'


def texts(text):
    completion = Completion(text=text, finish_reason="stop")
    return {a.question: a.text for a in parse_structured_answers(completion, KEYS, ((0, 1),))}


@pytest.mark.parametrize(
    ("text", "size", "side"),
    [
        (WHOLE, "2.3 cm", "left"),
        (f"Here is the form:\n```json\n{WHOLE}\n```", "2.3 cm", "left"),
        (WHOLE[:-10], "2.3 cm", ""),
        ('{"tumor_size": 23, "tumor_laterality": null}', "23", ""),
        ('{"tumor_size": ["2.3 cm", "1 cm"], "other": "x"}', "2.3 cm, 1 cm", ""),
        ('{"tumor_size": {"x": "2 cm"}, "tumor_laterality": true}', "x 2 cm", ""),
        ("2.3 cm", "", ""),
        ("", "", ""),
        ("[1, 2]", "", ""),
        ("{" * 5000, "", ""),
    ],
)
def test_forms_of_answers(text, size, side):
    assert texts(text) == {"tumor size": size, "tumor laterality": side}


@given(st.text(max_size=300))
def test_no_answer_raises(text):
    assert set(texts(text)) == set(KEYS.values())


def test_confidence_is_of_the_value_s_own_tokens():
    pieces = [('{"tumor_size": "', 0.9), ("2.3", 0.5), (" cm", 0.5), ('", ', 0.9)]
    pieces += [('"tumor_laterality": "', 0.9), ("left", 0.8), ('"}', 0.9)]
    tokens = tuple(GeneratedToken(text=t, logprob=math.log(p)) for t, p in pieces)
    completion = Completion(text=WHOLE, finish_reason="stop", tokens=tokens)
    size, side = parse_structured_answers(completion, KEYS, ())
    assert size.confidence == pytest.approx(0.5)
    assert side.confidence == pytest.approx(0.8)


def extract(client, report):
    async def go():
        extractor = Extractor(PromptedModel(client, load_prompt_set("chat-json")))
        try:
            return await extractor.extract(report)
        finally:
            await extractor.aclose()

    return asyncio.run(go())


REPORT = "FINAL DIAGNOSIS: Left breast, invasive ductal carcinoma, 2.3 cm, grade 2. ER positive."
FORM = {
    "tumor_size": "2.3 cm",
    "tumor_site": "breast",
    "tumor_laterality": "left",
    "histological_type": "invasive ductal carcinoma",
    "cancer_grade": "grade 2",
    "cancer_stage": "not mentioned",
    "hormone_receptor_type": "ER",
    "hormone_receptor_status": "ER positive",
    "diagnosis": "breast cancer",
}
FOUND = {
    "tumor-size": "23 mm",
    "tumor-site": "breast",
    "tumor-laterality": "left",
    "histological-type": "invasive ductal carcinoma",
    "cancer-grade": "2",
    "hormone-receptor": "positive",
    "diagnosis": "breast cancer",
}


def test_a_chat_model_is_asked_once_and_bound_to_the_schema(read, server):
    answer = {"choices": [{"message": {"content": json.dumps(FORM)}, "finish_reason": "stop"}]}
    server.replies["/v1/models"] = (200, {}, {"data": [{"id": "m", "max_model_len": 8000}]})
    server.replies["/v1/chat/completions"] = (200, {}, answer)
    extraction = extract(OpenAiClient(ModelHttp(server.url), chat=True), read(REPORT))
    assert {f.kind.value: f.value for f in extraction.findings} == FOUND
    bodies = [body for path, body, _ in server.requests if path == "/v1/chat/completions"]
    assert len(bodies) == 1
    bound = bodies[0]["response_format"]["json_schema"]
    assert bound["strict"]
    assert bound["schema"]["required"] == list(FORM)


def test_tgi_is_bound_by_its_grammar(read, server):
    details = {"finish_reason": "eos_token", "generated_tokens": 90, "tokens": []}
    server.replies["/info"] = (200, {}, {"model_id": "m"})
    server.replies["/generate"] = (
        200,
        {},
        {"generated_text": json.dumps(FORM), "details": details},
    )
    extraction = extract(TgiClient(ModelHttp(server.url)), read(REPORT))
    assert {f.kind.value: f.value for f in extraction.findings} == FOUND
    body = next(body for path, body, _ in server.requests if path == "/generate")
    assert body["parameters"]["grammar"]["type"] == "json"
    assert body["parameters"]["grammar"]["value"]["properties"]["tumor_size"]
    assert extraction.usage.generated_tokens == 90
