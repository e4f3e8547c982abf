"""What is written contradicts no lesion, over all cases and over texts made of their lines."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.lesions.entities import UNPAIRED
from oncofhir.inference.lesions.read import ReadReport
from oncofhir.inference.rules import Rules
from oncofhir.schemas.context import Temporality
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.lesion import Behaviour
from tests.reading_cases import FILES, cases_of

TEXTS = [case.text for file in FILES for case in cases_of(file)]
LINES = sorted({line for text in TEXTS for line in text.splitlines() if line.strip()})
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
BLOCKS = {
    Behaviour.IN_SITU: ("D0",),
    Behaviour.METASTATIC: ("C77", "C78", "C79", "C7B", "C80"),
    Behaviour.INVASIVE: ("C", "D3", "D4"),
}


def extracted(text):
    return asyncio.run(Extractor(Rules()).extract(report_from_text(text.encode(), "t")))


def assert_consistent(text):
    extraction = extracted(text)
    by_id = {lesion.id: lesion for lesion in extraction.lesions}
    for finding in extraction.findings:
        lesion = by_id.get(finding.lesion)
        assert all(e.text == text[e.start : e.end] for e in finding.evidence)
        if lesion is None:
            continue
        assert lesion.temporality is Temporality.CURRENT
        if finding.kind is Kind.TUMOR_LATERALITY:
            assert lesion.organ not in UNPAIRED
            assert finding.value == lesion.laterality
        if finding.kind is Kind.DIAGNOSIS:
            codes = [c.code for c in finding.codings if c.system == ICD_10_CM]
            assert all(code.startswith(BLOCKS[lesion.behaviour]) for code in codes), codes
            if lesion.behaviour is Behaviour.IN_SITU:
                assert not any(code.startswith("C") for code in codes)


@pytest.mark.parametrize("file", FILES)
def test_no_finding_of_a_case_contradicts_its_lesion(file):
    for case in cases_of(file):
        assert_consistent(case.text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LINES), min_size=1, max_size=6).map("\n".join))
def test_no_finding_of_mixed_lines_contradicts_its_lesion(text):
    assert_consistent(text)


@pytest.mark.parametrize(
    ("text", "behaviour", "organ", "side", "diagnosis"),
    [
        ("Right breast: DCIS, high grade, 9 mm. No invasion.", "in-situ", "breast", "right", "dcis of breast"),
        ("Bladder, TURBT: noninvasive papillary urothelial carcinoma, pTa.", "in-situ", "bladder", None, None),
        ("Liver, biopsy: metastatic melanoma.", "metastatic", "liver", None, "metastatic melanoma to the liver"),
        ("Left kidney: papillary renal cell carcinoma.", "invasive", "kidney", "left", "kidney cancer"),
        ("Radical prostatectomy: adenocarcinoma, Gleason 4+4=8.", "invasive", "prostate", None, "prostate cancer"),
    ],
)  # fmt: skip
def test_a_lesion_is_summed_up(text, behaviour, organ, side, diagnosis):
    (summary,) = ReadReport(report_from_text(text.encode(), "t")).summaries.all
    assert (summary.behaviour.value, summary.organ, summary.side) == (behaviour, organ, side)
    assert diagnosis in {None, summary.diagnosis}


def test_a_second_tumour_without_attributes_of_its_own_is_not_lost():
    text = "Gastrectomy: adenocarcinoma of the stomach, 4 cm. A gastrointestinal stromal tumor is also seen."
    extraction = extracted(text)
    names = {f.value for f in extraction.findings if f.kind is Kind.HISTOLOGICAL_TYPE}
    names |= {r.value for r in extraction.rejected}
    assert {"adenocarcinoma", "gastrointestinal stromal tumor"} <= names
