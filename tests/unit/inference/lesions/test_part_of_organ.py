"""The part of an organ that the text joins to the tumor, and the codes that it gives."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.interpretation.candidates import Candidate
from oncofhir.inference.interpretation.phrases import sites
from oncofhir.inference.lesions.read import ReadReport
from oncofhir.inference.rules import Rules
from oncofhir.schemas.finding import Kind
from oncofhir.terminology.icd10cm import parts_named

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"


def read(text):
    """The value and SNOMED CT code of the site, and the ICD-10-CM code of the diagnosis."""
    report = report_from_text(f"DIAGNOSIS:\n{text}\n".encode(), "t")
    findings = asyncio.run(Extractor(Rules()).extract(report)).findings
    site = next((f for f in findings if f.kind is Kind.TUMOR_SITE), None)
    codes = [
        c.code
        for f in findings
        if f.kind is Kind.DIAGNOSIS
        for c in f.codings
        if c.system == ICD_10_CM
    ]
    return (
        site and site.value,
        site and next((c.code for c in site.codings), None),
        next(iter(codes), None),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Right colon, hemicolectomy:\n- Adenocarcinoma of the cecum, 4.2 cm",
            ("cecum", "32713005", "C18.0"),
        ),
        (
            "Colon, sigmoid, resection:\n- Invasive adenocarcinoma of the cecum",
            ("cecum", "32713005", "C18.0"),
        ),
        (
            "Colon, resection:\nTumor site: Sigmoid colon\nHistologic type: Adenocarcinoma",
            ("sigmoid colon", "60184004", "C18.7"),
        ),
        ("Right colon:\n- Cecal adenocarcinoma, 4 cm", ("colon", "71854001", "C18.0")),
        ("Colon, sigmoid, resection:\n- Adenocarcinoma", ("colon", "71854001", "C18.7")),
        (
            "Left lung, lobectomy:\n- Adenocarcinoma of the upper lobe",
            ("lung", "39607008", "C34.12"),
        ),
        (
            "Lung, right upper lobe:\n- Adenocarcinoma. Lower lobe uninvolved.",
            ("lung", "39607008", "C34.11"),
        ),
        ("Soft tissue, left thigh, excision:\n- Liposarcoma", ("soft tissue", None, "C49.22")),
        (
            "Ascending colon:\n- Adenocarcinoma involving the ascending colon, with extension into the transverse colon",
            ("ascending colon", "9040008", "C18.2"),
        ),
    ],
)
def test_the_part_that_the_text_joins_to_the_tumor_is_its_site(text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Colon, resection:\n- Adenocarcinoma of the cecum and ascending colon", "C18.9"),
        ("Tumor site: Cecum\nTumor site: Sigmoid colon\nAdenocarcinomas of the colon", "C18.9"),
        ("Terminal ileum, cecum, and right colon, hemicolectomy:\n- Adenocarcinoma", "C18.9"),
        (
            "Colon:\nTumor site: not specified. Sigmoid biopsy benign.\n- Adenocarcinoma",
            "C18.9",
        ),
        ("Left colon:\n- Adenocarcinoma. Previous adenocarcinoma of the cecum, 2015.", "C18.9"),
        ("Lung, right upper lobe and right lower lobe:\n- Adenocarcinoma", "C34.91"),
        ("Colon, resection:\n- Adenocarcinoma, 2 cm from the cecum", "C18.9"),
        ("Uterine cervix:\n- Mucinous adenocarcinoma, endocervical type", "C53.9"),
        ("Colon, sigmoid:\n- Metastatic adenocarcinoma of the lung, upper lobe", "C78.5"),
        (
            "Colon, recto-sigmoid:\n- Recto-sigmoid adenocarcinoma",
            "C19",
        ),
    ],
)
def test_no_part_is_guessed_where_the_text_names_several_or_another_thing(text, code):
    assert read(text)[2] == code


def test_a_claim_of_the_organ_is_written_as_the_part_that_the_report_names():
    text = b"DIAGNOSIS:\nRight colon:\n- Adenocarcinoma of the cecum\n"
    report = ReadReport(report_from_text(text, "t"))
    (finding,) = sites(report, Candidate(kind=Kind.TUMOR_SITE, value="colon", raw="colon"))

    assert (finding.value, finding.raw) == ("cecum", "colon")
    assert finding.codings[0].code == "32713005"
    assert "cecum" in finding.evidence[0].text


@settings(max_examples=50)
@given(
    st.lists(
        st.sampled_from(["cecum", "ascending colon", "hepatic flexure", "sigmoid colon", "colon"]),
        min_size=1,
        max_size=4,
    )
)
def test_a_part_is_written_only_where_all_words_agree(named):
    text = "Colon:\n" + "\n".join(f"- Adenocarcinoma of the {where}" for where in named)
    parts = frozenset().union(*(parts_named("colon", where) for where in named))
    expected = next(iter(parts)) if len(parts) == 1 else "C18.9"
    assert read(text)[2] in {expected, None}
