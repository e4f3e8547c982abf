"""The order of questions, and what comes of a report end to end, with rules and with a model."""

import asyncio

import pytest

from oncofhir.inference.clients.client import Completion
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.prompting.prompted_model import PromptedModel
from oncofhir.inference.prompting.prompts import load_prompt_set
from oncofhir.inference.rules import Rules
from oncofhir.schemas.errors import DependencyUnavailable, ModelReplaced, UnsuitableServer
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.reasons import Reason

REPORT = (
    "FINAL DIAGNOSIS: Right kidney, radical nephrectomy: clear cell renal cell carcinoma, Fuhrman grade 3. "
    "Tumor size: 6.2 x 5.0 cm. Pathologic stage: pT1b NX."
)


def extract(answerer, report):
    async def go():
        extractor = Extractor(answerer)
        try:
            return await extractor.extract(report)
        finally:
            await extractor.aclose()

    return asyncio.run(go())


class Recorder:
    """A model client that notes which requests run at the same time."""

    def __init__(self, answer="not mentioned"):
        self.events = []
        self.answer = answer

    async def identify(self, affinity=None):
        return ModelIdentity(name="m", digest="d", server="s", max_input_tokens=1200)

    async def complete(self, request):
        asked = request.prompt.partition("What is the ")[2].partition(" in the")[0] or "diagnosis"
        self.events.append(("begin", asked))
        await asyncio.sleep(0.001)
        self.events.append(("end", asked))
        return Completion(
            text=self.answer,
            finish_reason="stop",
            prompt_tokens=len(request.prompt) // 4,
            generated_tokens=2,
        )

    async def token_ends(self, text):
        return None

    async def healthy(self):
        return True

    async def aclose(self):
        pass


def test_the_first_question_ends_before_the_others_begin(read):
    recorder = Recorder()
    extraction = extract(PromptedModel(recorder, load_prompt_set("cancerllm")), read(REPORT))
    begun = [asked for event, asked in recorder.events if event == "begin"]
    assert set(begun[:2]) == {"tumor size", "diagnosis"}
    first_end = recorder.events.index(("end", "tumor size"))
    assert all(recorder.events.index(("begin", asked)) > first_end for asked in begun[2:])
    # the others run together
    assert recorder.events.index(("begin", begun[-1])) < recorder.events.index(("end", begun[2]))
    assert extraction.usage.requests == 9
    asked = sum(answer.prompt_tokens for answer in extraction.answers)
    assert (extraction.usage.prompt_tokens, extraction.usage.generated_tokens) == (asked, 18)
    assert extraction.findings == extraction.rejected == ()


def test_a_long_report_s_windows_all_answer(read):
    filler = "The sections show renal parenchyma and adipose tissue. " * 150
    recorder = Recorder(answer="6.2 cm")
    extraction = extract(
        PromptedModel(recorder, load_prompt_set("cancerllm")), read(filler + REPORT + filler)
    )
    assert extraction.usage.requests > 9
    assert [f.value for f in extraction.findings if f.kind == "tumor-size"] == ["62 mm"]


def test_an_error_of_the_server_is_the_report_s(read, server):
    server.replies["/info"] = (200, {}, {"model_id": "m"})
    server.replies["/generate"] = (503, {}, {})
    model = PromptedModel(TgiClient(ModelHttp(server.url)), load_prompt_set("cancerllm"))
    with pytest.raises(DependencyUnavailable):
        extract(model, read(REPORT))


def test_windows_shrink_when_the_server_finds_the_prompt_too_long(read, server):
    def limited(body):
        if len(body["inputs"]) > 3000:
            return 422, {}, {"error": "too long", "error_type": "validation"}
        details = {"finish_reason": "eos_token", "generated_tokens": 1, "tokens": []}
        return 200, {}, {"generated_text": "pT1b", "details": details}

    server.replies["/info"] = (200, {}, {"model_id": "m"})
    server.replies["/generate"] = limited
    model = PromptedModel(TgiClient(ModelHttp(server.url)), load_prompt_set("cancerllm"))
    extraction = extract(model, read(REPORT + " The renal parenchyma is unremarkable." * 120))
    assert ("cancer-stage", "pT1b") in {(f.kind.value, f.value) for f in extraction.findings}
    server.replies["/generate"] = (422, {}, {"error": "bad", "error_type": "validation"})
    again = PromptedModel(TgiClient(ModelHttp(server.url)), load_prompt_set("cancerllm"))
    with pytest.raises(UnsuitableServer):  # a plain prompt is refused too
        extract(again, read(REPORT))


def test_rules_find_what_the_report_says(read):
    extraction = extract(Rules(), read(REPORT))
    assert {(f.kind.value, f.slot): f.value for f in extraction.findings} == {
        ("tumor-size", None): "62 mm",
        ("tumor-laterality", None): "right",
        ("cancer-grade", None): "3",
        ("cancer-stage", "t"): "pT1b",
        ("cancer-stage", "n"): "pNX",
        ("histological-type", None): "clear cell renal cell carcinoma",
        ("tumor-site", None): "kidney",
        ("diagnosis", None): "kidney cancer",
    }
    assert extraction.findings[-1].codings
    assert extraction.model.name == "oncofhir-rules"


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "12 34 5.6",
        "Left ventricular function is normal. The left atrium is 4.2 cm. No evidence of malignancy.",
        "Benign breast tissue, left. Negative for carcinoma. Fibroadenoma 2 cm.",
        "Family history: mother had breast cancer, left, 2 cm, grade 3, ER positive in 1999.",
        "Le patient est en bonne santé.",
        "x" * 20_000,
    ],
)
def test_rules_find_nothing_where_there_is_no_cancer_of_the_patient(read, text):
    assert extract(Rules(), read(text)).findings == ()


class Replaced(Recorder):
    """A model at whose address another one is put while it answers."""

    digest = "first"

    async def identify(self, affinity=None):
        return ModelIdentity(name="m", digest=self.digest, server="s", max_input_tokens=1200)

    async def complete(self, request):
        completion = await super().complete(request)
        if len(self.events) > 6:
            self.digest = "second"
        return completion


def test_answers_of_a_model_that_was_replaced_meanwhile_are_not_taken(read):
    model = Replaced()
    with pytest.raises(ModelReplaced, match="digest first, then second") as raised:
        extract(PromptedModel(model, load_prompt_set("cancerllm")), read(REPORT))
    assert raised.value.reason is Reason.MODEL_REPLACED
    again = extract(PromptedModel(model, load_prompt_set("cancerllm")), read(REPORT))
    assert again.model.digest == "second"
