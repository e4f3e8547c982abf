"""A tumour that is suspected and nowhere stated is no finding, and is not lost: it is rejected with its words."""

import pytest

from oncofhir.inference.interpretation.interpret import interpret
from oncofhir.schemas.extraction import Answer
from oncofhir.schemas.finding import Kind, Rejection

BREAST = "FINAL DIAGNOSIS:\nLEFT BREAST, LUMPECTOMY: Invasive ductal carcinoma, grade 2.\n"
ASKED = (
    Answer(
        question="histological type",
        text="invasive ductal carcinoma",
        finish_reason="stop",
        confidence=0.9,
    ),
)


def suspected(read, text, answers=ASKED):
    findings, rejected = interpret(read(text), answers)
    return findings, [
        (r.value, r.evidence[0].text)
        for r in rejected
        if (r.kind, r.reason) == (Kind.DIAGNOSIS, Rejection.UNCERTAIN)
    ]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("LIVER: Atypical cells, suspicious for metastatic carcinoma.", "metastatic carcinoma"),
        ("LIVER: Atypical cells, suspicious for metastasis.", "metastasis"),
        ("LIVER: Suspicious for hepatocellular carcinoma.", "hepatocellular carcinoma"),
        ("SKIN OF BACK: Cannot exclude melanoma.", "melanoma"),
    ],
)
def test_it_is_rejected_as_uncertain_with_its_words(read, line, value):
    findings, found = suspected(read, BREAST + line + "\n")
    assert found == [(value, line)]
    assert all(line not in e.text for f in findings for e in f.evidence)


@pytest.mark.parametrize(
    "text",
    [
        "HISTORY: left breast mass suspicious for carcinoma.\n" + BREAST,
        "HISTORY: suspicious for invasive ductal carcinoma of the breast.\n" + BREAST,
        "HISTORY: liver lesion suspicious for metastasis.\n"
        + BREAST
        + "LIVER: Metastatic carcinoma.\n",
        BREAST + "LIVER: Negative for metastatic carcinoma.\n",
    ],
)
def test_what_the_report_states_or_denies_is_not_listed_as_suspected(read, text):
    assert suspected(read, text)[1] == []


def test_it_is_listed_once_and_only_if_tumours_were_asked_for(read):
    twice = BREAST + 2 * "LIVER: suspicious for metastatic carcinoma.\n"
    assert len(suspected(read, twice)[1]) == 1
    assert suspected(read, twice, ())[1] == []
