"""The generator: the same for the same seed, gold that the text says, splits that share no wording."""

import itertools
import json
import re
import subprocess
import sys

import pytest

from model.cases import HISTOLOGIES, MISSING, answers
from model.generate import reports, wording
from model.normal import line
from oncofhir.inference.mentions.stage import stages

NAMED = ("tumor size", "tumor site", "histological type", "cancer stage", "cancer grade")


def test_the_same_seed_gives_the_same_reports_and_another_gives_others():
    first, again, other = (list(reports(20, seed, "train")) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_there_are_seventeen_cancer_types_and_all_come():
    assert len(HISTOLOGIES) == 17
    assert {of.site for _, of in reports(400, 3, "train")} == set(HISTOLOGIES)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_report_says_its_gold_answers(split, monkeypatch):
    monkeypatch.setattr("model.generate.OCR_RATE", 0.0)
    for text, of in reports(150, 5, split):
        said = answers(of)
        for question in NAMED:
            if said[question] != MISSING:
                assert said[question] in text.lower()
        for name, status in of.receptors:
            assert (
                status in text.lower()
                or f"{name}{'+' if status == 'positive' else '-'}" in text.upper()
            )


def test_what_is_not_mentioned_is_not_there(monkeypatch):
    monkeypatch.setattr("model.generate.OCR_RATE", 0.0)
    without = [(text, of) for text, of in reports(300, 7, "train") if of.stage is None]
    assert without
    for text, _ in without:
        assert not [m for m in stages(text) if m.slot in {"t", "n"}]


def test_some_answers_are_not_mentioned_for_every_phenotype_that_can_be_absent():
    said = [answers(of) for _, of in reports(300, 8, "train")]
    for question in said[0]:
        absent = sum(answer[question] == MISSING for answer in said)
        assert (absent == 0) is (question == "tumor site")


def test_a_report_without_cancer_has_no_diagnosis_and_says_what_was_found(monkeypatch):
    monkeypatch.setattr("model.generate.OCR_RATE", 0.0)
    benign = [(text, of) for text, of in reports(300, 11, "test") if of.benign]
    assert benign
    for text, of in benign:
        assert of.benign in text.lower()
        row = line("r", text, of)
        assert (row["diagnosis"], row["labels"]["histological_type"]) == (None, None)


def _skeleton(template):
    return re.sub(r"\{\w*\}|\W", "", template)


def test_the_splits_share_no_wording():
    train, test = wording("train"), wording("test")
    assert set(train) == set(test)
    for slot in train:
        seen = {_skeleton(template) for template in train[slot]} - {""}
        assert not seen & {_skeleton(template) for template in test[slot]}


def test_lines_are_in_the_evaluators_format_with_normal_values():
    for text, of in itertools.islice(reports(50, 9, "test"), 50):
        row = line("r", text, of)
        labels = row["labels"]
        where = set() if of.benign else {"tumor_site", "tumor_laterality"}
        assert set(labels) == where | {
            "tumor_size",
            "cancer_grade",
            "histological_type",
            "cancer_stage",
            "hormone_receptors",
        }
        assert labels["tumor_size"] is None or re.fullmatch(r"[\d.]+ mm", labels["tumor_size"])
        assert (labels["cancer_stage"] is None) is (of.stage is None)
        assert (labels["cancer_grade"] is None) is (of.grade is None)


def test_the_command_line_prints_json_lines():
    command = [sys.executable, "-m", "model.generate", "--count", "3", "--seed", "4"]
    done = subprocess.run([*command, "--split", "test"], capture_output=True, text=True, check=True)
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == ["test-4-0", "test-4-1", "test-4-2"]
