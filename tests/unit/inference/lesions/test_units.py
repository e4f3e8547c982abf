"""Headings below which a report speaks of one tumor: an organ, "Tumor A", a side."""

import asyncio

import pytest

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.rules import Rules


def values(text):
    """Of each part: the values of its findings by kind."""
    report = report_from_text(text.encode(), "t")
    found = {}
    for finding in asyncio.run(Extractor(Rules()).extract(report)).findings:
        name = f"{finding.kind}/{finding.slot}" if finding.slot else str(finding.kind)
        found.setdefault(finding.part, {})[name] = finding.value
    return found


def test_two_organs_with_a_tumor_each_keep_their_own_grade_and_size():
    found = values(
        "Left kidney: clear cell renal cell carcinoma, grade 2. Sigmoid colon: adenocarcinoma, grade 3, 5 cm."
    )
    assert found["kidney"]["cancer-grade"] == "2"
    assert "tumor-size" not in found["kidney"]
    assert (found["colon"]["cancer-grade"], found["colon"]["tumor-size"]) == ("3", "50 mm")
    assert "tumor-laterality" not in found["colon"]


def test_neighbouring_organs_with_different_histologies_are_two_tumors():
    found = values("Bladder: urothelial carcinoma.\nProstate: adenocarcinoma, Gleason 3+3=6.")
    assert "cancer-grade" not in found["bladder"]
    assert found["prostate"]["cancer-grade"] == "3+3=6"
    assert found["prostate"]["diagnosis"] == "prostate cancer"


@pytest.mark.parametrize(
    "text",
    [
        "Uterus: endometrioid carcinoma, grade 1. Ovary, right: endometrioid carcinoma.",
        "Colon: adenocarcinoma, grade 2, 4 cm. Liver: no metastases. Lymph nodes: negative.",
        "Lung, left: adenocarcinoma, 2 cm. Pleura: adenocarcinoma.",
        "Breast: carcinoma, 2 cm. Skin: carcinoma invades the dermis.",
    ],
)
def test_one_tumor_in_organs_that_border_each_other_stays_one(text):
    assert len(values(text)) == 1


def test_numbered_tumors_keep_their_own_stage_and_size_and_have_the_organ_above():
    found = values(
        "Left lung: Tumor A: adenocarcinoma, 2.2 cm, pT1c. Tumor B: squamous cell carcinoma, 3.4 cm, pT2a."
    )
    assert found["tumor a"]["tumor-size"] == "22 mm"
    assert found["tumor a"]["cancer-stage/t"] == "pT1c"
    assert found["tumor b"]["tumor-size"] == "34 mm"
    assert found["tumor b"]["cancer-stage/t"] == "pT2a"
    assert {part["diagnosis"] for part in found.values()} == {"lung cancer"}


@pytest.mark.parametrize("end", [";", ".", "\n"])
def test_two_sides_without_a_colon_are_two_tumors(end):
    found = values(f"Left breast IDC grade 1{end} Right breast IDC grade 3.")
    assert (found["left"]["cancer-grade"], found["right"]["cancer-grade"]) == ("1", "3")


@pytest.mark.parametrize(
    "text",
    [
        "Left breast IDC grade 1. Right breast unremarkable.",
        "Left breast carcinoma, 2 cm. Right breast: benign cyst, 3 cm.",
    ],
)
def test_the_healthy_side_is_no_tumor_and_gives_no_value(text):
    (found,) = values(text).values()
    assert found["tumor-laterality"] == "left"
    assert found.get("tumor-size", "20 mm") == "20 mm"


def test_the_size_and_side_of_a_metastasis_are_none_of_the_primary():
    (found,) = values(
        "Brain, left frontal: metastatic melanoma, 2 cm. Skin, back: melanoma, Breslow 3.1 mm, pT3a."
    ).values()
    assert found["cancer-stage/t"] == "pT3a"
    assert not {"tumor-size", "tumor-laterality"} & set(found)


def test_what_stands_below_a_healthy_organ_s_heading_stays_with_the_tumor():
    (found,) = values(
        "Prostate: acinar adenocarcinoma, Gleason 3+4=7. Bladder neck: margin negative. pT2 N0."
    ).values()
    assert found["cancer-stage/t"] == "pT2"
