"""Findings on a terminal: clinical words, the diagnosis first, no word cut at 80 columns."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from oncofhir.cli.finding_tables import (
    all_findings,
    all_outcomes,
    code_label,
    example_findings,
    finding_label,
    finding_order,
    outcomes_by_reason,
    quote,
)
from oncofhir.schemas.finding import Coding, Kind
from oncofhir.schemas.outcome import PhenotypeRow, RowEvidence, RowStatus

SNOMED = "http://snomed.info/sct"
RECORD = "fhir.diagnostic-report/2/5"


def row(kind: Kind, value: str, **changed) -> PhenotypeRow:
    evidence = RowEvidence(start=0, end=9, text=f"- the {value}", path="text", attachment_start=0)
    return PhenotypeRow(
        **{
            "finding": f"{kind}{changed.get('slot')}",
            "document": "d",
            "revision": 1,
            "status": RowStatus.CURRENT,
            "source": "DiagnosticReport/breast-left-1",
            "subject": "Patient/1",
            "kind": kind,
            "value": value,
            "basis": "stated",
            "confidence": 0.987,
            "evidence": (evidence,),
            "model": "m",
            "model_digest": "0",
            "prompt_set": "p@1",
            "software": "1",
            "run": "r",
            "asserted": datetime.now(UTC),
            **changed,
        }
    )


ROWS = (
    row(Kind.HORMONE_RECEPTOR, "negative", slot="HER2"),
    row(Kind.TUMOR_SIZE, "18 mm", number=18.0, unit="mm"),
    row(Kind.CANCER_STAGE, "pN0(sn)", slot="n"),
    row(Kind.CANCER_STAGE, "pT1c", slot="t"),
    row(
        Kind.DIAGNOSIS,
        "invasive lobular carcinoma of the upper outer quadrant of the left breast",
        codings=(Coding(system=SNOMED, code="278054005"),),
    ),
)


def on_80_columns(renderable) -> str:
    written = io.StringIO()
    Console(width=80, file=written).print(renderable)
    return written.getvalue()


@pytest.mark.parametrize(
    ("kind", "component", "label"),
    [
        (Kind.HORMONE_RECEPTOR, "HER2", "HER2 status"),
        (Kind.HORMONE_RECEPTOR, "ER", "ER status"),
        (Kind.CANCER_STAGE, "t", "stage T"),
        (Kind.CANCER_STAGE, "group", "stage group"),
        (Kind.TUMOR_SIZE, None, "tumor size"),
        (Kind.DIAGNOSIS, None, "diagnosis"),
    ],
)
def test_a_finding_has_its_clinical_name(kind, component, label):
    assert finding_label(kind, component) == label


def test_the_diagnosis_comes_first_and_t_before_n():
    in_order = sorted(ROWS, key=lambda one: finding_order(one.kind, one.slot))
    assert [one.value for one in in_order[1:]] == ["18 mm", "pT1c", "pN0(sn)", "negative"]
    assert in_order[0].kind is Kind.DIAGNOSIS


def test_a_size_is_a_quantity_and_no_text():
    assert code_label((), "mm") == "quantity in mm"
    assert code_label((), None) == "text only"
    assert code_label(({"system": SNOMED, "code": "1"},), None) == "SNOMED CT 1"


@pytest.mark.parametrize("render", [lambda: example_findings(ROWS, 3), lambda: all_findings(ROWS)])
def test_no_word_is_cut_at_80_columns(render):
    text = on_80_columns(render())
    assert all(len(line) <= 80 for line in text.splitlines())
    words = set(text.split())
    for one in ROWS:
        assert set(one.value.split()) <= words
    shown = " ".join(text.split())
    assert "HER2 status" in shown
    assert "quantity in mm" in shown
    assert "0.99" in shown
    assert "hormone" not in text


def test_without_findings_it_is_said():
    assert "found nothing" in on_80_columns(example_findings((), 3))


def test_what_has_no_findings_is_counted_by_reason_and_explained_in_full():
    assert outcomes_by_reason((), {RECORD: "not-json"}) == "1 dead-lettered (not-json)"
    assert outcomes_by_reason((), {}) == "none"
    text = on_80_columns(all_outcomes((), {RECORD: "not-json"}))
    assert RECORD in text
    assert "dead-lettered, not-json" in text


def test_a_long_quote_ends_after_a_whole_word():
    text = "- Invasive carcinoma " + "of the left breast " * 8
    short = quote(text)
    assert short.startswith("Invasive carcinoma of")
    assert short.endswith((" the …", " left …", " of …", " breast …"))
    assert len(short) <= 72
