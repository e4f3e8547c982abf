"""What counts as right when the model is measured on labelled reports."""

import pytest

from model.measure import pairs, same, slot_of
from oncofhir.schemas.finding import Evidence, Finding, Kind


@pytest.mark.parametrize(
    ("measure", "gold", "found", "right"),
    [
        ("tumor_size", "25 mm", "25 mm", True),
        ("tumor_size", "25 mm", "52 mm", False),
        ("tumor_site", "breast, upper outer quadrant", "breast", True),
        ("tumor_site", "lung", "breast", False),
        ("histological_type", "invasive carcinoma no special type", "ductal carcinoma", True),
        ("histological_type", "squamous cell carcinoma", "clear cell carcinoma", False),
        ("stage T", "pT2", "T2", True),
        ("stage N", "pN0", "pN0(sn)", True),
        ("stage N", "pN1a", "pN1", False),
        ("diagnosis", "breast cancer", "breast cancer", True),
        ("receptor", "positive", "negative", False),
    ],
)
def test_values_are_compared_in_normal_form(measure, gold, found, right):
    assert same(measure, gold, found) is right


def test_the_words_of_a_stage_have_slots():
    assert [slot_of(part) for part in ["pT2", "pN1a", "pM0", "IIB"]] == ["t", "n", "m", "group"]


def test_a_missing_label_is_not_measured_and_a_null_label_is_absent():
    row = {"labels": {"tumor_size": "25 mm", "cancer_stage": "pT2 pN0", "cancer_grade": None}}
    evidence = Evidence(text="2.5 cm", start=0, end=6, path="a", attachment_start=0)
    size = Finding(
        kind=Kind.TUMOR_SIZE, value="25 mm", raw="2.5 cm", confidence=None, evidence=(evidence,)
    )
    assert list(pairs(row, (size,))) == [
        ("tumor_size", "25 mm", "25 mm"),
        ("cancer_grade", None, None),
        ("stage T", "pT2", None),
        ("stage N", "pN0", None),
    ]
