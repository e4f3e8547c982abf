"""From answers to findings: grounded, affirmed, coded, or rejected with the reason."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.interpretation.interpret import interpret
from oncofhir.schemas.extraction import Answer
from oncofhir.schemas.finding import Basis, Kind, Rejection

REPORT = """CLINICAL HISTORY: 58 year old with a history of melanoma. Mother had ovarian cancer.
GROSS DESCRIPTION: The specimen measures 12 x 10 x 4 cm. A mass of 2.1 cm, 1.5 cm from the deep margin.
FINAL DIAGNOSIS: Left breast, upper outer quadrant, mastectomy: Invasive ductal carcinoma, Nottingham
grade 2 of 3. Tumor size: 2.3 x 1.1 cm. Right breast: no evidence of carcinoma.
ER positive, PR negative, HER2 equivocal (2+). pT2 pN1a, stage IIB.
"""
QUESTIONS = (
    "tumor size", "tumor site", "tumor laterality", "histological type", "cancer grade", "cancer stage",
    "hormone receptor type", "hormone receptor status", "diagnosis",
)  # fmt: skip


def answers(**given_):
    return tuple(
        Answer(question=q.replace("_", " "), text=t, finish_reason="stop", confidence=0.9)
        for q, t in given_.items()
    )


def values(findings):
    return {(f.kind.value, f.slot): f.value for f in findings}


def test_a_whole_report(read):
    findings, rejected = interpret(
        read(REPORT, gender="female"),
        answers(
            tumor_size="2.3 x 1.1 cm",
            tumor_site="upper outer quadrant of left breast",
            tumor_laterality="left",
            histological_type="invasive ductal carcinoma",
            cancer_grade="2",
            cancer_stage="pT2 pN1a",
            hormone_receptor_type="ER, PR, HER2",
            hormone_receptor_status="ER positive, PR negative, HER2 equivocal",
            diagnosis="breast cancer",
        ),
    )
    assert rejected == ()
    assert values(findings) == {
        ("tumor-size", None): "23 mm",
        ("tumor-site", None): "left breast, upper outer quadrant",
        ("tumor-laterality", None): "left",
        ("histological-type", None): "invasive ductal carcinoma",
        ("cancer-grade", None): "2",
        ("cancer-stage", "t"): "pT2",
        ("cancer-stage", "n"): "pN1a",
        ("cancer-stage", "group"): "IIB",  # the report prints it, the answer lacks it
        ("hormone-receptor", "ER"): "positive",
        ("hormone-receptor", "PR"): "negative",
        ("hormone-receptor", "HER2"): "equivocal",
        ("diagnosis", None): "breast cancer",
    }
    size = next(f for f in findings if f.kind is Kind.TUMOR_SIZE)
    assert (size.number, size.unit, size.dimensions) == (23, "mm", (23, 11))
    assert {f.confidence for f in findings if f.slot != "group"} == {0.9}
    diagnosis = findings[-1]
    assert diagnosis.basis is Basis.STATED
    assert {c.code for c in diagnosis.codings} == {"254837009", "C50.412"}


def test_an_organ_alone_is_coded_with_the_place_that_its_quote_names_beside_it(read):
    findings, _ = interpret(
        read(REPORT, gender="female"),
        answers(tumor_site="breast", tumor_laterality="left", diagnosis="breast cancer"),
    )
    assert values(findings)[("tumor-site", None)] == "breast"
    (diagnosis,) = (f for f in findings if f.kind is Kind.DIAGNOSIS)
    assert {c.code for c in diagnosis.codings} == {"254837009", "C50.412"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"tumor_size": "7 cm"}, Rejection.UNGROUNDED),
        ({"tumor_size": "1.5 cm"}, Rejection.AMBIGUOUS),  # only a distance to a margin
        ({"tumor_size": "12 cm"}, Rejection.AMBIGUOUS),  # only the specimen
        ({"histological_type": "melanoma"}, Rejection.HISTORICAL),
        ({"histological_type": "ovarian cancer"}, Rejection.FAMILY),
        ({"cancer_stage": "pT4"}, Rejection.UNGROUNDED),
        ({"hormone_receptor_status": "ER negative"}, Rejection.UNGROUNDED),
        ({"cancer_grade": "3"}, Rejection.UNGROUNDED),
        ({"tumor_site": "liver"}, Rejection.UNGROUNDED),
        ({"diagnosis": "liver cancer"}, Rejection.UNGROUNDED),
    ],
)
def test_what_the_report_does_not_say_is_rejected(read, answer, reason):
    findings, rejected = interpret(read(REPORT), answers(**answer))
    assert all(f.confidence is None for f in findings)  # the report's own words, not the answer's
    assert not {(f.slot, f.value) for f in findings} & {(r.slot, r.value) for r in rejected}
    assert [r.reason for r in rejected] == [reason]
    assert bool(rejected[0].evidence) == (reason is not Rejection.UNGROUNDED)


@pytest.mark.parametrize(
    "answer",
    ["", "  ", "not mentioned", "Not stated in the report.", "none", "N/A", "{}", '{"size": 3}',
     "?" * 40, "1\n" * 300,
     "What is the tumor site in the given context?", "x " * 400, "\ud800", "null"],
)  # fmt: skip
def test_answers_that_say_nothing_give_nothing(read, answer):
    findings, _ = interpret(
        read(REPORT), tuple(a for q in QUESTIONS for a in answers(**{q: answer}))
    )
    assert findings == ()


def test_the_final_diagnosis_counts_before_the_gross_description(read):
    findings, _ = interpret(
        read(REPORT),
        (*answers(tumor_size="2.1 cm"), *answers(tumor_size="2.3 cm")),
    )
    assert [f.value for f in findings] == ["23 mm"]


def test_low_confidence_is_rejected(read):
    findings, rejected = interpret(
        read(REPORT), answers(tumor_size="2.3 cm"), minimum_confidence=0.95
    )
    assert findings == ()
    assert rejected[0].reason is Rejection.LOW_CONFIDENCE


IMPLIED = "FINAL DIAGNOSIS: Invasive lobular carcinoma, grade 2."


def test_an_inferred_diagnosis_has_an_organ_that_the_histology_implies_and_can_be_switched_off(
    read,
):
    (finding,), _ = interpret(read(IMPLIED), answers(diagnosis="breast cancer"))
    assert finding.basis is Basis.INFERRED
    assert finding.evidence
    findings, _ = interpret(
        read(IMPLIED), answers(diagnosis="breast cancer"), inferred_diagnosis=False
    )
    assert all(finding.basis is Basis.STATED for finding in findings)


def test_two_words_far_apart_are_no_diagnosis(read):
    text = (
        "FINAL DIAGNOSIS: Malignant neoplasm."
        + " Sections show tissue as described above." * 8
        + " Lung tissue."
    )
    findings, rejected = interpret(read(text), answers(diagnosis="lung cancer"))
    assert findings == ()
    assert [r.kind for r in rejected] == [Kind.DIAGNOSIS]


def test_ocr_spellings_are_found(read):
    report = read("DIAGNOSIS: Infiltrating ductal carcinorna of breast. Sigmoid coIon.")
    (finding,), _ = interpret(report, answers(histological_type="infiltrating ductal carcinoma"))
    assert "carcinorna" in finding.evidence[0].text


PIECES = st.sampled_from(
    [
        *REPORT.splitlines(),
        "lung",
        "2 cm",
        "not",
        "mother",
        "pT2",
        "ER positive",
        "carcinoma",
        "\u241e",
        "Grade 3",
        "left",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=12)), min_size=1, max_size=12).map(" ".join)
SAID = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "2.3 cm",
            "2",
            "left",
            "breast",
            "pT2 N1",
            "ER positive",
            "carcinoma",
            "lung cancer",
            "[[[",
            "2+2",
        ]
    ),
)


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.lists(SAID, min_size=9, max_size=9))
def test_no_answer_raises_and_evidence_is_the_text_s_own(read, text, said):
    report = read(text)
    findings, rejected = interpret(
        report,
        tuple(
            Answer(question=q, text=t, finish_reason="stop")
            for q, t in zip(QUESTIONS, said, strict=True)
        ),
    )
    for finding in findings:
        assert finding.evidence
    for item in (*findings, *rejected):
        for evidence in item.evidence:
            assert evidence.text == report.text[evidence.start : evidence.end]
            segment = report.locate(evidence.start)
            assert segment is not None
            assert evidence.path == segment.path
            assert (
                evidence.attachment_start
                == segment.attachment_start + evidence.start - segment.start
            )


def test_without_a_malignancy_there_is_no_tumor_to_have_a_site():
    text = "RIGHT BREAST, CORE BIOPSY:\n- Fibroadenoma.\n- Negative for carcinoma."
    report = report_from_text(text.encode(), "text")
    answers = tuple(
        Answer(question=q, text=a, finish_reason="eos_token")
        for q, a in (("tumor site", "breast"), ("tumor laterality", "right"))
    )
    findings, rejected = interpret(report, answers)
    assert findings == ()
    assert {r.reason for r in rejected} == {Rejection.NEGATED}
