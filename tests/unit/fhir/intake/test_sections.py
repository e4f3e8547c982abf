"""Sections and specimen parts, in reports with lines and in text that lost them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.intake.sections import sections
from oncofhir.fhir.intake.specimen_parts import parts
from oncofhir.schemas.report import SectionKind

# Written for this test in the manner of OCR text: no line breaks, stops where lines ended.
ONE_LINE = (
    "Surgical report. SPECIMEN: A: LEFT BREAST B: LEFT AXILLARY CONTENTS. FINAL DIAGNOSIS: A. LEFT BREAST, "
    "MASTECTOMY: - INVASIVE CARCINOMA, 2.5 CM. GRADE 2. B. LYMPH NODES, LEFT AXILLA, EXCISION: - TWO "
    "NODES, NEGATIVE. Page 2. FINAL DIAGNOSIS (continued) : ESTROGEN RECEPTOR: NEGATIVE. COMMENT: The "
    "diagnosis was discussed; see comment on the final diagnosis above. CLINICAL NOTES. GROSS DESCRIPTION. "
    'A. Received fresh, labeled "left breast" is tissue as seen in the gross. examination. B. Received in '
    "formalin is fat."
)
WITH_LINES = """SURGICAL PATHOLOGY REPORT

Clinical History:
58 year old woman.

**Final Diagnosis**
1). Kidney, right; nephrectomy:
   Clear cell carcinoma.
2). Adrenal gland, right; excision:
   Benign.

Synoptic Report: Kidney
  Procedure: Nephrectomy
  Size: 4 cm
ADDENDUM #1:
Immunostains were done.
"""


def kinds(text):
    return [section.kind for section in sections(text)]


def test_sections_of_text_without_lines():
    found = sections(ONE_LINE)
    assert [(s.kind.value, s.title) for s in found] == [
        ("specimen", "SPECIMEN"),
        ("final-diagnosis", "FINAL DIAGNOSIS"),
        ("final-diagnosis", "FINAL DIAGNOSIS (continued)"),
        ("comment", "COMMENT"),
        ("clinical-history", "CLINICAL NOTES"),
        ("gross", "GROSS DESCRIPTION"),
    ]
    for section in found:
        assert ONE_LINE.startswith(section.title, section.start)


def test_sections_of_text_with_lines():
    assert kinds(WITH_LINES) == [
        SectionKind.CLINICAL_HISTORY,
        SectionKind.FINAL_DIAGNOSIS,
        SectionKind.SYNOPTIC,
        SectionKind.ADDENDUM,
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("REASON FOR VISIT: lump", "reason-for-visit"),
        ("Chief Complaint: lump", "reason-for-visit"),
        ("seen today.  FAMILY HISTORY: mother", "family-history"),
        ("REVIEW OF SYSTEMS: negative", "review-of-systems"),
        ("PHYSICAL EXAM: well", "objective"),
        ("LABORATORY DATA:\nHb 14", "laboratory"),
        ("ASSESSMENT/PLAN: chemotherapy", "assessment"),
        ("IMPRESSION:  mass", "assessment"),
        ("PRE-OPERATIVE DIAGNOSIS: cancer", "clinical-history"),
        ("PREOPERATIVE DIAGNOSIS: cancer", "clinical-history"),
        ("Pre operative diagnosis: cancer", "clinical-history"),
        ("MICROSCOPIC DESCRIPTION. Tumor", "microscopic"),
        ("Makroskopischer Befund:\nein Gewebe", "gross"),
        ("2. DIAGNOSIS:\ncancer", "final-diagnosis"),
        ("PREOPERATIVE DIAGNOSIS: , neoplasm.,GROSS FINDINGS:  ,nodule", "clinical-history"),
    ],
)
def test_headings(text, kind):
    assert kinds(text)[0].value == kind


@pytest.mark.parametrize(
    "text",
    [
        "The final diagnosis was discussed.",
        "She has a history of asthma. Please note the comment.",
        "Clinical diagnosis unclear",
        "as reported in the gross examination.",
        "TUMOR SIZE: 3 cm. MARGINS: negative.",
    ],
)
def test_running_text_has_no_headings(text):
    assert sections(text) == ()


def test_parts_of_text_without_lines():
    found = parts(ONE_LINE, sections(ONE_LINE))
    assert [(p.label, p.title) for p in found] == [
        ("A", "LEFT BREAST"),
        ("B", "LEFT AXILLARY CONTENTS"),
        ("A", "LEFT BREAST, MASTECTOMY"),
        ("B", "LYMPH NODES, LEFT AXILLA, EXCISION"),
        ("B", "LYMPH NODES, LEFT AXILLA, EXCISION"),
        ("A", 'Received fresh, labeled "left breast" is tissue as seen in the gross'),
        ("B", "Received in formalin is fat"),
    ]
    receptor = ONE_LINE.index("ESTROGEN")
    assert next(p.label for p in found if p.start <= receptor < p.end) == "B", "a page on"


def test_parts_of_text_with_lines():
    found = parts(WITH_LINES, sections(WITH_LINES))
    assert [(p.label, p.title) for p in found] == [
        ("1", "Kidney, right"),
        ("2", "Adrenal gland, right"),
    ]
    assert WITH_LINES[found[0].start : found[0].end].strip().endswith("carcinoma.")


def test_named_parts_win_over_lists_within_them():
    text = (
        "FINAL DIAGNOSIS:\nPART 1: BREAST, LEFT, MASTECTOMY\nA. CARCINOMA OF THE BREAST.\nB. GRADE 3.\n"
        "PART 2: LYMPH NODE, BIOPSY\nA. NEGATIVE.\n"
    )
    assert [p.label for p in parts(text, sections(text))] == ["1", "2"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1. ", "2. "),
        ("1) ", "2) "),
        ("(1) ", "(2) "),
        ("#1 ", "#2 "),
        ("A) ", "B) "),
        ("(A) ", "(B) "),
        ("Part 1: ", "Part 2: "),
        ("PART 1 - ", "PART 2 - "),
        ("Specimen #1: ", "Specimen #2: "),
        ("Specimen No. 1: ", "Specimen No. 2: "),
        ("Specimen 1\n", "Specimen 2\n"),
        ("Specimen A. ", "Specimen B. "),
        ("SPECIMEN #1 \u2013 ", "SPECIMEN #2 \u2013 "),
    ],
)
@pytest.mark.parametrize("before", ["", "FINAL DIAGNOSIS:\n", "Case 12.\n"])
@pytest.mark.parametrize("after", ["", "\nCOMMENT: none."])
def test_parts_in_every_way_of_counting_within_sections_and_outside(before, after, first, second):
    text = f"{before}{first}Left breast, core biopsy: carcinoma.\n{second}Right breast, core biopsy: benign.{after}"
    found = parts(text, sections(text))
    assert [p.title for p in found] == ["Left breast, core biopsy", "Right breast, core biopsy"]
    assert text[found[0].start : found[0].end].strip().endswith("carcinoma.")


def test_a_numbered_specimen_is_no_section_and_comes_again():
    text = (
        "SPECIMENS:\nSpecimen 1: Left breast, biopsy\nSpecimen 2: Right breast, biopsy\n"
        "DIAGNOSIS:\nSpecimen 1: carcinoma\nSpecimen 2: benign"
    )
    assert [s.kind.value for s in sections(text)] == ["specimen", "final-diagnosis"]
    assert [p.label for p in parts(text, sections(text))] == ["1", "2", "1", "2"]
    bracketed = "Specimen 1 (left breast): carcinoma\nSpecimen 2 (right breast): benign"
    assert [p.title for p in parts(bracketed, ())] == ["left breast", "right breast"]


@pytest.mark.parametrize(
    "text",
    [
        "FINAL DIAGNOSIS:\nBREAST, LEFT, MASTECTOMY:\nCarcinoma.",
        "FINAL DIAGNOSIS:\n1. Invasive ductal carcinoma, grade 2.\n2. Margins are negative.\n3. Lymph nodes 0/3.",
        "FINAL DIAGNOSIS:\nBreast: (1) carcinoma, (2) necrosis, (3) no invasion.",
        "ASSESSMENT AND PLAN:\n1. Left breast cancer: continue letrozole.\n2. Lung nodule: CT in 3 months.",
        "1. Continue letrozole.\n2. Mammogram of left breast in 6 months.\n3. Follow-up in clinic.",
        "MEDICATIONS:\n1. Letrozole 2.5 mg\n2. Lisinopril",
        "PAST SURGICAL HISTORY: 1. Left mastectomy. 2. Appendectomy. 3. Colon resection.",
        "1. Mastectomy 2010\n2. Appendectomy\n3. Colon resection 2014",
        "1. Mastectomy in 2010: no complications.\n2. Colon resection in 2014: no complications.",
        "1. Left mastectomy.\n2. Appendectomy.\n3. Colon resection.",
        "COMMENT: 1. The left breast biopsy shows carcinoma. 2. The right breast biopsy is benign.",
        "FINDINGS:\n1. Left breast mass 2 cm.\n2. Right breast normal.",
        "Part 1: Introduction\nPart 2: Methods",
        "FINAL DIAGNOSIS:\nA. BREAST, LEFT, MASTECTOMY:\nCarcinoma.",
        "DISCHARGE DIAGNOSES:\n1. Atypical pneumonia.\n2. Hypoxia.\n3. Arthritis.",
        "FINAL DIAGNOSIS:\nA. INVASIVE DUCTAL CARCINOMA.\nB. NOTTINGHAM SCORE 8/9.\nC. MARGINS ARE NEGATIVE.",
        "HISTORY:\nA. Breast cancer 2010. B. Skin biopsy 2012.",
    ],
)
def test_other_lists_are_no_parts(text):
    assert parts(text, sections(text)) == ()


LIKE_A_REPORT = st.lists(
    st.sampled_from(
        [
            "FINAL DIAGNOSIS",
            ":",
            ".",
            " ",
            "\n",
            "A",
            "B.",
            "A.",
            "1)",
            "BREAST",
            "(continued)",
            "PART 1:",
            "Comment",
            "-",
        ]
    )
    | st.text(max_size=5),
    max_size=40,
).map("".join)


@given(LIKE_A_REPORT)
def test_sections_and_parts_stay_within_the_text(text):
    found = sections(text)
    for section, following in zip(found, (*found, None)[1:], strict=True):
        assert 0 <= section.start < section.end <= len(text)
        assert text.startswith(section.title, section.start)
        assert following is None or section.end == following.start
    end = 0
    for part in parts(text, found):
        assert end <= part.start < part.end <= len(text)
        end = part.end
