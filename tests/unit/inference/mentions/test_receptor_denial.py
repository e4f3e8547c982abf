"""What "no" and "negative" before a receptor are said of: it, what stands before it, or a test not made."""

import asyncio

import pytest

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.rules import Rules
from oncofhir.schemas.finding import Kind


def receptors_of(text):
    report = report_from_text(f"Left breast: invasive ductal carcinoma.\n{text}\n".encode(), "t")
    findings = asyncio.run(Extractor(Rules()).extract(report)).findings
    return {f.slot: f.value for f in findings if f.kind is Kind.HORMONE_RECEPTOR}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DCIS: No\nER: Positive (95%)\nPR: Positive (60%)", {"ER": "positive", "PR": "positive"}),
        ("LVI: no\nER: positive", {"ER": "positive"}),
        ("Neoadjuvant: No | ER: Positive", {"ER": "positive"}),
        ("Skin involvement: No\nHER2: 3+", {"HER2": "positive"}),
        ("Margins negative ER positive HER2 3+", {"ER": "positive", "HER2": "positive"}),
    ],
)
def test_the_answer_of_another_item_is_none_of_the_receptor(text, expected):
    assert receptors_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "No HER2 testing performed.",
        "No ER available.",
        "No PR result.",
        "No HER2 amplification testing was ordered.",
        "No ER or PR studies were performed on this specimen.",
        "NO ER PR HER2 RESULTS YET.",
        "No HER2 on this block.",
        "No HER2 expression assay was performed.",
    ],
)
def test_what_was_not_tested_has_no_result(text):
    assert receptors_of(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        "NO LVI ER POSITIVE PR POSITIVE HER2 NEGATIVE",
        "NO INVASION ER 90 PERCENT PR 20 PERCENT",
        "No HER2 FISH performed; IHC 3+.",
        "Lymphovascular invasion: No\nER 95%, PR 60%",
    ],
)
def test_without_punctuation_nothing_wrong_is_read(text):
    found = receptors_of(text)
    assert found.get("ER", "positive") == "positive"
    assert found.get("PR", "positive") == "positive"
    assert "HER2" not in found or (found["HER2"] == "negative" and "HER2 NEGATIVE" in text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No ER or PR expression. No HER2 overexpression.", {"ER", "PR", "HER2"}),
        ("There is no expression of ER, and it lacks PR.", {"ER", "PR"}),
        ("No HER2 amplification by FISH.", {"HER2"}),
        ("Without HER2 amplification.", {"HER2"}),
        ("No immunoreactivity for ER.", {"ER"}),
        ("No estrogen receptors found in neoplastic cell nuclei.", {"ER"}),
        ("Negative ER and PR.", {"ER", "PR"}),
    ],
)
def test_what_is_not_expressed_is_negative(text, expected):
    found = receptors_of(text)
    assert set(found) == expected
    assert set(found.values()) == {"negative"}


@pytest.mark.parametrize(
    ("text", "grades"),
    [
        ("Low grade, 3 cm.", ["low"]),
        ("High grade 2 cm tumor.", ["high"]),
        ("High nuclear grade, 3 mm from the margin.", ["high"]),
        ("High grade, 3 of 5 chips involved.", ["high"]),
        ("Grade 2, 3 cm.", ["2"]),
        ("Grade 2 of 3.", ["2"]),
    ],
)
def test_the_number_of_a_size_is_no_grade(text, grades):
    report = report_from_text(f"Left breast: invasive ductal carcinoma. {text}\n".encode(), "t")
    findings = asyncio.run(Extractor(Rules()).extract(report)).findings
    assert [f.value for f in findings if f.kind is Kind.CANCER_GRADE] == grades
