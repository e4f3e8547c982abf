"""Bad input has a defined outcome: texts that are no report, answers that are no answer (issue "inference", Bad input)."""

import asyncio
import time

import pytest

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.clients.http import ModelHttp
from oncofhir.inference.clients.tgi import TgiClient
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.interpretation.candidates import QUESTION_KINDS
from oncofhir.inference.interpretation.interpret import interpret
from oncofhir.inference.prompting.prompted_model import PromptedModel
from oncofhir.inference.prompting.prompts import load_prompt_set, prompt_set_names
from oncofhir.inference.rules import Rules
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.extraction import Answer
from oncofhir.schemas.finding import Rejection
from oncofhir.schemas.reasons import Reason

REPORT = "FINAL DIAGNOSIS: Left breast: invasive ductal carcinoma, Nottingham grade 2, 2.3 cm tumor. pT2 pN0.\n"
MEASURABLE_SECONDS = 0.05
QUESTIONS = ("tumor size", *(q for q in QUESTION_KINDS if q != "tumor size"))


def said(text, question=None):
    """The answer to one question, or the same to all of them."""
    asked = QUESTIONS if question is None else (question,)
    return tuple(Answer(question=q, text=text, finish_reason="stop") for q in asked)


def values(findings):
    return {(f.kind.value, f.slot): f.value for f in findings}


def by_rules(report):
    return asyncio.run(Extractor(Rules()).extract(report))


# Texts.


@pytest.mark.parametrize("text", ["", " ", "\n\t \r\n", "\u00a0\u2003"])
def test_a_text_without_a_word_is_no_report_at_the_boundary(text):
    with pytest.raises(UnreadableReport) as error:
        report_from_text(text.encode(), "text")
    assert error.value.reason is Reason.EMPTY_ATTACHMENT


@pytest.mark.parametrize("text", ["", " ", "\n\t \r\n"])
def test_a_text_without_a_word_has_no_findings(read, text):
    """Whoever gives such a report to interpretation all the same: every claim is rejected, nothing raises."""
    report = read(text)
    assert by_rules(report).findings == ()
    findings, rejected = interpret(
        report, said("left breast cancer, 2 cm, grade 2, pT1, ER positive")
    )
    assert findings == ()
    assert {r.reason for r in rejected} == {Rejection.UNGROUNDED}


@pytest.mark.scenario
@pytest.mark.parametrize(
    "words",
    [
        "carcinoma ",
        "x",
        "2 x 3 cm, ",
        "no evidence of ",
        "12.5 ",
        "left right ",
        "pT2 pN0 ",
        "ER positive (",
        "2011 new cancer, now ",
        "e.g. (for example: ",
        "laterality not in the left incorrectly labelled as ",
        "T2 NO, p N ",
        "### ",
    ],
)
def test_the_time_for_a_long_line_grows_with_its_length(read, words):
    """Eight times the line may take sixteen times the time: a ratio, so that a busy machine does not fail it."""
    assert seconds_for(read, words, 128) < 16 * max(
        seconds_for(read, words, 16), MEASURABLE_SECONDS
    )


def seconds_for(read, words, kilobytes):
    """CPU seconds for the interpretation of answers to a report with a line of this length."""
    report = read(f"{words * (kilobytes * 1024 // len(words))} {REPORT.strip()}")
    began = time.process_time()
    interpret(report, said("2.3 cm, left breast, ductal carcinoma, grade 2, pT2, ER positive"))
    return time.process_time() - began


def test_what_a_report_says_is_found_in_a_line_of_half_a_megabyte(read):
    report = read("the tissue is pink and tan " * (512 * 1024 // 27) + REPORT)
    findings = values(interpret(report, said("2.3 cm", "tumor size"))[0])
    assert findings == {("tumor-size", None): "23 mm"}


def test_another_language_yields_what_is_written_alike_and_nothing_false(read):
    """Grades, TNM and the word for a carcinoma are read; the rest is not guessed at."""
    text = "Mamma links: invasives duktales Karzinom, 23 mm, G2. pT2 pN0. Kein Anhalt für Metastasen. 右側の結腸には腫瘍はない。\n"
    report = read(text)
    found = values(by_rules(report).findings)
    assert found == {
        ("cancer-stage", "t"): "pT2",
        ("cancer-stage", "n"): "pN0",
        ("cancer-grade", None): "2",
        ("histological-type", None): "karzinom",
        ("tumor-size", None): "23 mm",
    }
    findings, rejected = interpret(report, said("right colon cancer", "diagnosis"))
    assert (findings, [r.reason for r in rejected]) == ((), [Rejection.UNGROUNDED])


@pytest.mark.parametrize(
    "text", ["1 2 3 4.5 6", "12 34 5.6\n7,8 9/10 11x12", "2.3 cm 4 mm 5 x 6 cm"]
)
def test_numbers_alone_are_no_tumor(read, text):
    assert by_rules(read(text)).findings == ()
    findings, rejected = interpret(read(text), said("2.3 cm"))
    assert findings == ()
    assert {r.reason for r in rejected} <= {Rejection.UNGROUNDED, Rejection.AMBIGUOUS}


@pytest.mark.parametrize("name", prompt_set_names())
def test_a_delimiter_in_the_note_delimits_nothing_and_the_note_is_read(read, name):
    prompts = load_prompt_set(name)
    marks = (*prompts.format.delimiters, "</s>", "[/INST]", "<|im_end|>")
    report = read(REPORT + " ".join(marks))
    asked = prompts.prompt("tumor size", report.text)
    empty = prompts.prompt("tumor size", "")
    assert all(asked.count(mark) == empty.count(mark) for mark in marks)
    assert values(interpret(report, said("2.3 cm", "tumor size"))[0]) == {
        ("tumor-size", None): "23 mm"
    }


# Answers.


@pytest.mark.parametrize("answer", ["", "   ", "\n\n", "-", "?", "N/A", "not mentioned", "..."])
def test_an_empty_answer_claims_nothing(read, answer):
    assert interpret(read(REPORT), said(answer)) == ((), ())


def test_a_paragraph_claims_what_it_names_and_the_report_decides(read):
    """The size in it is the report's and is found; the one that is not is rejected; prose is no diagnosis."""
    paragraph = (
        "Based on the report that you have given me, and after having carefully considered all of its sections, I would "
        "say that the tumor measures 2.3 cm, although 7.7 cm was also considered for a while by the pathologist. "
    )
    findings, rejected = interpret(read(REPORT), said(paragraph * 20))
    assert values(findings) == {("tumor-size", None): "23 mm"}
    assert {(r.kind.value, r.value, r.reason) for r in rejected} == {
        ("tumor-size", "77 mm", Rejection.UNGROUNDED)
    }


@pytest.mark.parametrize(
    "answer", ['{"tumor_size": "2.3 cm"', '{"a": [', "}]}", '{"tumor_size": ', "```json\n{"]
)
def test_a_fragment_of_json_claims_its_size_at_most(read, answer):
    findings, rejected = interpret(read(REPORT), said(answer))
    assert values(findings) == ({("tumor-size", None): "23 mm"} if "2.3" in answer else {})
    assert {r.reason for r in rejected} <= {Rejection.UNGROUNDED}


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("2.3 cm " * 500, {("tumor-size", None): "23 mm"}),
        ("breast cancer breast cancer " * 200, {}),
        ("the the the " * 500, {}),
        # the category that the report prints is written where the answer lacks it
        ("pT2 " * 500, {("cancer-stage", "t"): "pT2", ("cancer-stage", "n"): "pN0"}),
        ("\n".join(["What is the tumor size?"] * 100), {}),
    ],
)
def test_a_repetition_claims_a_thing_once(read, answer, found):
    assert values(interpret(read(REPORT), said(answer))[0]) == found


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("tumor size", "invasive ductal carcinoma"),
        ("tumor laterality", "pT2 pN0"),
        ("cancer grade", "2.3 cm"),
        ("cancer stage", "left breast"),
        ("hormone receptor status", "Nottingham grade 2"),
        ("tumor site", "2.3 cm"),
        ("diagnosis", "2.3 cm"),
    ],
)
def test_another_question_s_answer_is_no_finding_of_this_one(read, question, answer):
    findings, _ = interpret(read(REPORT), said(answer, question))
    assert findings == ()


@pytest.mark.parametrize("answer", ["", "{", "not mentioned\n" * 300, "2.3 cm"])
def test_a_server_that_answers_so_yields_an_extraction_and_no_error(read, server, answer):
    details = {"finish_reason": "length", "generated_tokens": 1, "tokens": []}
    server.replies["/info"] = (200, {}, {"model_id": "m"})
    server.replies["/generate"] = (200, {}, {"generated_text": answer, "details": details})

    async def extract():
        model = PromptedModel(TgiClient(ModelHttp(server.url)), load_prompt_set("cancerllm"))
        try:
            return await Extractor(model).extract(read(REPORT))
        finally:
            await model.aclose()

    extraction = asyncio.run(extract())
    expected = {("tumor-size", None): "23 mm"} if "2.3" in answer else {}
    assert values(extraction.findings) == expected
    assert extraction.usage.requests == 9
