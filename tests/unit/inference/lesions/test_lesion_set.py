"""Several tumours of one report stay apart; values that only compete do not."""

import asyncio

import pytest

from oncofhir.inference.extractor import Extractor
from oncofhir.inference.interpretation.interpret import interpret
from oncofhir.inference.rules import Rules
from oncofhir.schemas.extraction import Answer

BREASTS = """SPECIMEN: A: RIGHT BREAST B: ADDITIONAL RIGHT BREAST TISSUE. C: LEFT BREAST. D: RIGHT SENTINEL LYMPH NODE.
FINAL DIAGNOSIS:
A. BREAST, RIGHT, MASTECTOMY: Invasive ductal carcinoma, Nottingham grade 2. Tumor measures 2.2 x 2.0 cm.
ER positive. pT2 pN0.
B. BREAST, RIGHT, EXCISION: Unremarkable tissue. No evidence of malignancy.
C. BREAST, LEFT, MASTECTOMY: Invasive lobular carcinoma, Nottingham grade 3. Tumor measures 1.1 cm.
ER negative. pT1c pN0.
D. LYMPH NODE, RIGHT AXILLARY, EXCISION: No evidence of malignancy (0/2).
"""
SIDES = """FINAL DIAGNOSIS:
Right breast, mastectomy: Invasive ductal carcinoma, grade 2, tumor size 2.2 cm.
Left breast, mastectomy: Invasive ductal carcinoma, grade 3, tumor size 1.4 cm.
"""
ANSWERS = {
    "tumor size": "2.2 cm, 1.1 cm",
    "tumor site": "breast",
    "tumor laterality": "bilateral",
    "histological type": "invasive ductal carcinoma; invasive lobular carcinoma",
    "cancer grade": "grade 2 and grade 3",
    "cancer stage": "pT2 pT1c pN0",
    "hormone receptor status": "ER positive; ER negative",
    "diagnosis": "breast cancer",
}


def said(given):
    return tuple(Answer(question=q, text=t, finish_reason="stop") for q, t in given.items())


def by_part(findings):
    return {(f.part, f.kind.value, f.slot): f.value for f in findings}


def by_rules(report):
    return asyncio.run(Extractor(Rules()).extract(report)).findings


def tumors_of(found, kind, slot=None):
    return {part: value for (part, k, s), value in found.items() if (k, s) == (kind, slot)}


@pytest.mark.parametrize("way", ["answers", "rules"])
def test_a_tumor_in_each_breast_has_each_its_own_values(read, way):
    report = read(BREASTS, gender="female")
    findings = interpret(report, said(ANSWERS))[0] if way == "answers" else by_rules(report)
    found = by_part(findings)
    expected = {
        ("tumor-size", None): ("22 mm", "11 mm"),
        ("tumor-laterality", None): ("right", "left"),
        ("histological-type", None): ("invasive ductal carcinoma", "invasive lobular carcinoma"),
        ("cancer-grade", None): ("2", "3"),
        ("cancer-stage", "t"): ("pT2", "pT1c"),
        ("cancer-stage", "n"): ("pN0", "pN0"),
        ("hormone-receptor", "ER"): ("positive", "negative"),
        ("diagnosis", None): ("breast cancer", "breast cancer"),
    }
    for (kind, slot), (first, second) in expected.items():
        assert tumors_of(found, kind, slot) == {"A": first, "C": second}, kind
    diagnoses = {f.part: {c.code for c in f.codings} for f in findings if f.kind == "diagnosis"}
    assert diagnoses == {"A": {"254837009", "C50.911"}, "C": {"254837009", "C50.912"}}


def test_without_parts_the_sides_of_the_headings_tell_tumors_apart(read):
    found = by_part(by_rules(read(SIDES)))
    assert tumors_of(found, "tumor-size") == {"right": "22 mm", "left": "14 mm"}
    assert tumors_of(found, "cancer-grade") == {"right": "2", "left": "3"}
    assert tumors_of(found, "tumor-laterality") == {"right": "right", "left": "left"}
    assert set(tumors_of(found, "diagnosis")) == {"right", "left"}


def test_two_primaries_of_two_organs_are_apart(read):
    report = read(
        "FINAL DIAGNOSIS:\nA. Left kidney, nephrectomy: Clear cell renal cell carcinoma, 4.5 cm tumor.\n"
        "B. Right colon, hemicolectomy: Adenocarcinoma, moderately differentiated, 3.0 cm tumor.\n"
    )
    found = by_part(by_rules(report))
    assert tumors_of(found, "tumor-size") == {"A": "45 mm", "B": "30 mm"}
    assert tumors_of(found, "diagnosis") == {"A": "kidney cancer", "B": "colon cancer"}


@pytest.mark.parametrize(
    "text",
    [
        # a further slice of the same side
        (
            "FINAL DIAGNOSIS:\nA. Left breast, lumpectomy: Invasive ductal carcinoma, grade 2, tumor 2.0 cm.\n"
            "B. Left breast, new margin: Invasive ductal carcinoma, grade 2, tumor 0.2 cm.\n"
        ),
        # a metastasis
        (
            "FINAL DIAGNOSIS:\nA. Left kidney, nephrectomy: Clear cell carcinoma, grade 2, tumor 2.0 cm.\n"
            "B. Liver, biopsy: Metastatic carcinoma, 0.4 cm.\n"
        ),
        # a second side of one prostate
        (
            "FINAL DIAGNOSIS:\nA. Prostate, left, biopsy: Adenocarcinoma, Gleason 3+4=7, tumor 2.0 cm.\n"
            "B. Prostate, right, biopsy: Adenocarcinoma, Gleason 3+3=6.\n"
        ),
        # the other side is healthy
        (
            "FINAL DIAGNOSIS:\nA. Left breast, mastectomy: Invasive ductal carcinoma, tumor 2.0 cm.\n"
            "B. Right breast, mastectomy: No carcinoma seen.\n"
        ),
        # spread to a neighbour
        (
            "FINAL DIAGNOSIS:\nA. Uterus: Endometrioid carcinoma, grade 2, tumor 2.0 cm.\n"
            "B. Left ovary: Serous carcinoma on the surface.\n"
        ),
    ],
)
def test_what_only_competes_is_one_tumor(read, text):
    findings = by_rules(read(text))
    assert [f.value for f in findings if f.kind == "tumor-size"] == ["20 mm"]
    assert sum(f.kind == "diagnosis" for f in findings) == 1
    assert sum(f.kind == "cancer-grade" for f in findings) <= 1


ONE_TUMOR = """FINAL DIAGNOSIS
A. Left breast, lumpectomy: Invasive ductal carcinoma, grade 2, 1.8 cm.
B. {second}
{receptors}
"""
RECEPTORS = "Estrogen receptor: positive (95%). PR: positive (40%). HER2: negative (1+)."


def receptors_of(report):
    answers = asyncio.run(Rules().answer(report))
    findings, _ = interpret(report, answers)
    return {(f.slot, f.value) for f in findings if f.kind == "hormone-receptor"}


@pytest.mark.parametrize(
    "second",
    [
        "Sentinel lymph nodes (0/2): no carcinoma identified.",
        "Skin, left breast, excision: seborrheic keratosis.",
    ],
)
@pytest.mark.parametrize("receptors", [RECEPTORS, f"\nBIOMARKERS: {RECEPTORS}"])
def test_receptors_below_a_benign_last_part_are_of_the_only_tumour(second, receptors, read):
    text = ONE_TUMOR.format(second=second, receptors=receptors)
    wanted = {("ER", "positive"), ("PR", "positive"), ("HER2", "negative")}
    assert receptors_of(read(text)) == wanted


def test_receptors_within_a_benign_part_are_nobodys(read):
    second = "Left breast, biopsy: fibroadenoma, ER positive."
    assert receptors_of(read(ONE_TUMOR.format(second=second, receptors=""))) == set()
