"""Notes that order a model around: the prompt keeps its structure, and obedience yields no finding but the report's own.

The notes and what must become of each are in `hostile.toml`.
"""

import asyncio
import re
import tomllib
from pathlib import Path

import pytest

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.interpretation.interpret import interpret
from oncofhir.inference.prompting.prompts import load_prompt_set, prompt_set_names
from oncofhir.inference.prompting.questions import (
    questions_about_sentences,
    questions_about_windows,
)
from oncofhir.inference.rules import Rules
from oncofhir.schemas.extraction import Answer

NOTES = tomllib.loads(Path(__file__).with_name("hostile.toml").read_text())["note"]
MARKS = re.compile(r"#{2,}|</?s>|<\|\w+\|>|\[/?INST\]|<<?/?SYS>>?", re.IGNORECASE)
each_note = pytest.mark.parametrize("note", NOTES, ids=lambda note: note["name"])


def report_of(note):
    return report_from_text(note["text"].encode(), "text")


def values_of(findings):
    return {f.kind.value: f.value for f in findings}


def structure_of(prompts, prompt):
    """The control tokens of any model in their order, and how often the set's own delimiters stand there."""
    return (*MARKS.findall(prompt), *(prompt.count(mark) for mark in prompts.format.delimiters))


def assert_quoted(report, results):
    for result in results:
        for quote in result.evidence:
            assert report.text[quote.start : quote.end] == quote.text


@each_note
@pytest.mark.parametrize("name", prompt_set_names())
def test_the_prompt_has_the_structure_that_it_has_without_the_note(note, name):
    prompts = load_prompt_set(name)
    report = report_of(note)
    if prompts.context.policy == "sentences":
        asked = list(questions_about_sentences(report, prompts))
    else:
        asked = questions_about_windows(report, prompts, [(0, len(report.text))])[0]
    assert asked
    found = {structure_of(prompts, question.prompt) for question in asked}
    assert found <= {structure_of(prompts, frame) for frame in prompts.overhead_prompts}


@each_note
def test_a_model_that_obeys_yields_no_finding_but_the_report_s_own(note):
    report = report_of(note)
    answers = tuple(
        Answer(question=q, text=t, finish_reason="stop") for q, t in note["obeyed"].items()
    )
    findings, rejected = interpret(report, answers)
    assert values_of(findings) == note.get("findings", {})
    assert [r.reason.value for r in rejected] == note["rejected"]
    assert all(finding.evidence for finding in findings)
    assert_quoted(report, (*findings, *rejected))


@each_note
def test_the_rules_find_what_the_report_says(note):
    report = report_of(note)
    findings = asyncio.run(Extractor(Rules()).extract(report)).findings
    expected = note["rules"]
    found = values_of(findings)
    assert {kind: found.get(kind) for kind in expected} == expected
    if not expected:
        assert "diagnosis" not in found
    assert_quoted(report, findings)


def test_there_are_twenty():
    assert len({note["name"] for note in NOTES}) == 20
