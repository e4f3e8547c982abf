"""The readable text keeps every offset, and leaves out what states nothing of the patient."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.inference.structure import readable
from oncofhir.schemas.structure import OptionState, StruckReason


def seen(text):
    return " ".join(readable(text).text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PR: [ ] Positive [x] Negative", "PR: Negative"),
        ("Margins: Involved ☐ Free ☑", "Margins: Free"),
        ("Type\n __ Lobular\n _X_ Tubular", "Type Tubular"),
        ("Her2: ( ) 1+ (X) 3+", "Her2: 3+"),
        ("PR positive? Yes [ ] No [X]", "PR negative"),
        ("ER: positive / negative", "ER:"),
        ("ER/PR: positive/negative", "ER/PR: positive/negative"),
        ("Grade 1 / 2 / 3 (circle one)", "Grade"),
        ("Ductal (selected), lobular (not selected)", "Ductal ,"),
        ("a mass of four point five centimetres", "a mass of 4.5 centimetres"),
        ("grade three out of three", "grade 3 out of 3"),
        ("p T three p N one", "p T 3 p N 1"),
        ("left, I mean right kidney", "right kidney"),
        ("grade 1, correction, grade 3", "grade grade 3"),
        ("grade changed from 1 to 2", "grade 2"),
        ("carcin0ma of the ducta1 type", "carcinoma of the ductal type"),
        ("one\\.br\\two", "one two"),
    ],
)
def test_what_a_reader_sees(text, expected):
    assert seen(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Scoring guide: 3+ = positive, 2+ = equivocal",
        "HER2 is positive when complete staining exceeds 10% of cells",
        "T2 is more than 20 mm; T3 is more than 50 mm",
        "External controls stain appropriately positive.",
    ],
)
def test_a_definition_is_not_seen(text):
    report = readable(text)
    assert not report.text.replace(".", "").strip()
    assert {span.reason for span in report.structure.struck} == {StruckReason.LEGEND}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('INSTRUCTIONS: Example: "IDC, left, pT1c".\nRESULT: benign.', "RESULT: benign."),
        (
            'Word as in the sample. Example: "IDC, pT1c". RESULT: DCIS.',
            "Word as in the sample. . RESULT: DCIS.",
        ),
        ("Instructions: report as IDC, left, pT1c.\nRESULT: DCIS.", "RESULT: DCIS."),
        ("State the type, e.g. IDC, pT1c. RESULT: DCIS.", "State the type, . RESULT: DCIS."),
        ("Benign (for example, no IDC).", "Benign ( )."),
        ("Sample report: IDC, left. RESULT: DCIS.", ". RESULT: DCIS."),
        ("An example of IDC, left.", "An example of IDC, left."),
        ("Prior therapy (e.g., radiation), pT1c.", "Prior therapy ( ), pT1c."),
        ("Patient instructions: letrozole for IDC.", "Patient instructions: letrozole for IDC."),
    ],
)
def test_an_example_is_not_seen(text, expected):
    assert seen(text) == expected


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("Original report read left; correct side is right.", ["right"]),
        ("Left lung: carcinoma. ADDENDUM: the correct side is right.", ["right"]),
        ("Left lung. Incorrectly labelled as left; it is from the right lung.", ["right"]),
        ("Left kidney. Amendment: laterality corrected to right.", ["right"]),
        ("Right kidney. The previous version stated left.", ["Right"]),
        ('Left kidney; "left" in error, kidney is right.', ["right"]),
        ("Left kidney: carcinoma. The right kidney is normal.", ["Left", "right"]),
        ("Left kidney. Original report read by a colleague; right is normal.", ["Left", "right"]),
        ("Right lung, correct patient, side and site; left not done.", ["Right", "left"]),
        ("The correct side is right. Part B: the correct side is left.", ["right", "left"]),
        ("Specimen labelled in error as left.", ["left"]),
    ],
)
def test_a_side_that_is_corrected_is_not_seen(text, sides):
    assert [w for w in re.findall(r"\w+", seen(text)) if w.lower() in {"left", "right"}] == sides


def test_a_sentence_beside_a_definition_is_seen():
    assert seen("PR negative. HER2 is defined as positive from 3+.").startswith("PR negative.")


def test_the_options_of_a_form_are_told():
    states = [o.state for o in readable("[ ] Left\n[x] Right").structure.options]
    assert states == [OptionState.NOT_CHOSEN, OptionState.CHOSEN]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        (
            "Part   Size   Grade   PR\nA   12 mm   2   Neg",
            [("part", "A"), ("size", "12 mm"), ("grade", "2"), ("pr", "Neg")],
        ),
        ("ER PR HER2\nPos Neg 1+", [("er", "Pos"), ("pr", "Neg"), ("her2", "1+")]),
        (
            "    ER    PR    HER2\nLeft 2:00   95%   0%   1+",
            [("er", "95%"), ("pr", "0%"), ("her2", "1+")],
        ),
        ("    ER    PR\nLeft 2:00   95%", []),
        ("ER\nPR\nPositive\nNegative", [("er", "Positive"), ("pr", "Negative")]),
        ("| Size | 9 mm |", [("size", "9 mm")]),
        (
            "Marker   Result   Cells\nER   Positive   80%",
            [("er", "Positive"), ("cells", "80%")],
        ),
    ],
)
def test_tables(text, cells):
    found = readable(text).structure.cells
    assert [(c.header, text[c.start : c.end]) for c in found] == cells


def test_the_items_of_a_list():
    text = "1. Lung cancer.\n2. Colon cancer.\n\nPlan: scan."
    assert [i.label for i in readable(text).structure.items] == ["1", "2"]
    assert [i.label for i in readable("has (a) one and (b) two.").structure.items] == ["a", "b"]


PIECES = st.sampled_from(
    [
        "[x] ",
        "[ ] ",
        "_X_ ",
        "___ ",
        "positive / negative",
        "grade two",
        " correction, ",
        "\n",
        "| a | b |",
        "(a) ",
        "1. ",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=10)), max_size=15).map("".join)


@given(TEXTS)
def test_the_readable_text_is_as_long_as_the_report_and_its_structure_within_it(text):
    report = readable(text)
    assert len(report.text) == len(text)
    structure = report.structure
    for span in (*structure.options, *structure.cells, *structure.items, *structure.struck):
        assert 0 <= span.start <= span.end <= len(text)
