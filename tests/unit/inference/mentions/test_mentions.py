"""Normal forms of the contract, from the ways that reports and models write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.inference.interpretation.short_answers import mentions as bare
from oncofhir.inference.lesions.size_target import tumour_size_weight
from oncofhir.inference.mentions import FINDERS
from oncofhir.schemas.finding import Kind


def found(kind, text):
    return [(m.slot, m.value) if m.slot else m.value for m in FINDERS[kind](text)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("2.3 x 1.1 cm", ["23 mm"]),
        ("23 mm", ["23 mm"]),
        ("3. 5 CM of OCR", ["35 mm"]),
        ("2,5 cm", ["25 mm"]),
        (".8 cm", ["8 mm"]),
        ("4x2.8x2.2cm", ["40 mm"]),
        ("4.8. x 4.0 x 3.5 cm", ["48 mm"]),
        ("1.7 x 1.6 x. 1.5 cm", ["17 mm"]),
        ("8.1. cm mass", ["81 mm"]),
        ("4.5 AND 1.0 CM", ["45 mm", "10 mm"]),
        ("22 mm x 1.8 cm", ["22 mm"]),
        ("2.5 centimeters", ["25 mm"]),
        ("Gleason 3+3=6, 5 mm", ["5 mm"]),
        ("Gleason 4+3 = 7, 12 mm", ["12 mm"]),
        ("Fuhrman 4, 3 cm", ["30 mm"]),
        ("Nottingham 7, 12 mm", ["12 mm"]),
        ("pT3, 12 mm", ["12 mm"]),
        ("at 2:30, 1.2 cm", ["12 mm"]),
        ("segment 8, 2 cm", ["20 mm"]),
        ("measuring 4.5 and 1.0 cm", ["45 mm", "10 mm"]),
        ("foci of 12, 8 and 5 mm", ["12 mm", "8 mm", "5 mm"]),
        ("0.9 inch", ["22.86 mm"]),
        ("2 x 1 inches", ["50.8 mm"]),
        ("5 in 10 cases", []),
        ("5 cm2", []),
        ("12 cores", []),
        ("99 x 99 m", []),
        ("0 cm", []),
        ("900 cm", []),
    ],
)
def test_sizes(text, values):
    assert found(Kind.TUMOR_SIZE, text) == values


def test_a_size_has_its_dimensions_longest_first():
    (size,) = FINDERS[Kind.TUMOR_SIZE]("1.1 x 2.3 x 1.8 cm")
    assert (size.number, size.dimensions) == (23, (23, 18, 11))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("pT2 pN1a", [("t", "pT2"), ("n", "pN1a")]),
        ("PT2 NO MX", [("t", "pT2"), ("n", "pN0"), ("m", "pMX")]),
        ("T1c N0 M0", [("t", "T1c"), ("n", "N0"), ("m", "M0")]),
        ("ypT0 ypN1", [("t", "ypT0"), ("n", "ypN1")]),
        ("pTis", [("t", "pTis")]),
        ("Tlc NO MX", [("t", "T1c"), ("n", "N0"), ("m", "MX")]),
        ("pT2, pN0(i-)(sn), M0", [("t", "pT2"), ("n", "pN0(i-)(sn)"), ("m", "pM0")]),
        ("stage IIB", [("group", "IIB")]),
        ("FIGO stage IIIC2", [("group", "IIIC2")]),
        ("T cells and N-cadherin, M phase; t2 weighted MRI", []),
        # the letter O is a zero only where it can be no word
        ("pT3. No lymph nodes submitted.", [("t", "pT3")]),
        ("PT3A. NO ULCERATION.", [("t", "pT3a")]),
        ("PT2 NO LYMPH NODES", [("t", "pT2")]),
        ("pT1a, no sarcomatoid features", [("t", "pT1a")]),
        ("pT2 - no nodes", [("t", "pT2")]),
        ("stage T2, no M1 disease", [("t", "T2"), ("m", "M1")]),
        ("attributed to no cause", []),
        ("COPIES TO: No Primary Physician", []),
        ("PART A NO TUMOR", []),
        ("T2 NO MO", [("t", "T2"), ("n", "N0"), ("m", "M0")]),
        ("T2 No Mo", [("t", "T2"), ("n", "N0"), ("m", "M0")]),
        ("PT2A NO (0/14)", [("t", "pT2a"), ("n", "pN0")]),
        ("pT2c,NO.", [("t", "pT2c"), ("n", "pN0")]),
        ("pT2, pNo (i-)", [("t", "pT2"), ("n", "pN0(i-)")]),
        ("G3. p T 3, L1, V1, p N o", [("t", "pT3"), ("n", "pN0")]),
        ("G3, P T 3, L1, V1, p NO (0/30)", [("t", "pT3"), ("n", "pN0")]),
        # a time, a length, a patient and a margin are no category
        ("seen at 3 PM 1 day ago", []),
        ("2.5 cm 1 focus; 2.5 CM 1 FOCUS", []),
        ("Pt 2 weeks after surgery, PT 3 times a week", []),
        ("a mass at 2:00; at 3 cm from the margin", []),
        ("RM 1; RT 3 weeks; i a y n 0", []),
        ("PATHOLOGIC STAGE: PT 2", [("t", "pT2")]),
        ("CN2-12 intact, CN3 palsy; CT1 and CT2 done", []),
        ("clinical stage CT2, cN1", [("t", "cT2"), ("n", "cN1")]),
        ("CT2N0", [("t", "cT2"), ("n", "cN0")]),
        # the stage of another disease, of a category, of a procedure
        ("T stage: 3; nodal stage 2", []),
        ("Stage IV sedation; stage 1 implant exchange; stage II trial", []),
        ("stage II on trial", [("group", "II")]),
        ("Stage 3 kidney failure", []),
        ("Stage 4 pressure ulcer", []),
        ("stage III CKD", []),
        ("CKD (stage 3)", []),
        ("Stage 2 HTN", []),
        ("Tanner stage 3", []),
        ("stage 2 breast reconstruction", []),
        ("Chronic kidney disease. Stage 3.", []),
        ("carcinoma of the kidney, stage 3, with kidney failure", [("group", "III")]),
        ("Kidney failure. Stage III renal cell carcinoma.", [("group", "III")]),
        ("Renal failure. AJCC stage III.", [("group", "III")]),
    ],
)
def test_stages(text, values):
    assert found(Kind.CANCER_STAGE, text) == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("grade II of III", ["2"]),
        ("Grade 3.", ["3"]),
        ("G2", ["2"]),
        ("(G3, pT2)", ["3"]),
        ("moderately differentiated", ["2"]),
        ("moderately to poorly differentiated", ["3"]),
        ("Gleason score 3+4=7", ["3+4=7"]),
        ("high grade", ["high"]),
        ("Nottingham grade 2/3", ["2"]),
        ("Grade 1 to 2 (of 4)", ["2"]),
        ("no grading was done in 2019", []),
        ("Nottingham score 3+3+2", []),
    ],
)
def test_grades(text, values):
    assert found(Kind.CANCER_GRADE, text) == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "ER positive, PR negative, HER2 negative",
            [("ER", "positive"), ("PR", "negative"), ("HER2", "negative")],
        ),
        ("ER/PR positive", [("ER", "positive"), ("PR", "positive")]),
        ("ER+ PR- HER2-", [("ER", "positive"), ("PR", "negative"), ("HER2", "negative")]),
        ("HER2 equivocal (2+)", [("HER2", "equivocal")]),
        ("HER2/NEU: WEAKLY POSITIVE BY IHC (2+)", [("HER2", "equivocal")]),
        ("HER-2 by FISH not amplified", [("HER2", "negative")]),
        ("HER-2 (IHC) -. o. NOT AMPLIFIED", [("HER2", "negative")]),
        (
            "positive for estrogen and progesterone receptors",
            [("ER", "positive"), ("PR", "positive")],
        ),
        ("negative for HER2/neu", [("HER2", "negative")]),
        ("triple negative", [("ER", "negative"), ("PR", "negative"), ("HER2", "negative")]),
        ("ER: 90%", [("ER", "positive")]),
        ("ER: 0%", [("ER", "negative")]),
        ("No progesterone receptors found", [("PR", "negative")]),
        ("ER positive is defined as an Allred score over 2", []),
        ("ER, PR and HER2 are pending", []),
        ("in the ER. Positive blood cultures", []),
        # a change of the gene says nothing of the receptor
        ("HER2 exon 20 mutation positive", []),
        ("ERBB2 mutation not detected", []),
        ("positive for HER2 mutation", []),
        ("ERBB2 S310F detected", []),
        ("ERBB2 p.Y772_A775dup detected", []),
        ("HER2 (ERBB2): positive for exon 20 insertion", []),
        ("No ERBB2 exon 20 insertion detected", []),
        ("HER2 positive (3+). PIK3CA mutation detected", [("HER2", "positive")]),
        ("ERBB2 amplified", [("HER2", "positive")]),
        ("HER2 negative; BRCA1 mutation positive", [("HER2", "negative")]),
        ("PR 0%, HER2 0.", [("PR", "negative"), ("HER2", "negative")]),
        ("HER2 0.9", []),
        # of several names on a line, one status below for all or one for each
        ("ER PR HER2\nCore A 95% 0% 1+", []),
        ("ER/PR:\npositive", [("ER", "positive"), ("PR", "positive")]),
    ],
)
def test_receptors(text, values):
    assert found(Kind.HORMONE_RECEPTOR, text) == values


@pytest.mark.parametrize(
    ("kind", "answer", "value"),
    [
        (Kind.CANCER_GRADE, "3", "3"),
        (Kind.CANCER_GRADE, "III", "3"),
        (Kind.CANCER_GRADE, "high", "high"),
        (Kind.CANCER_GRADE, "3+4", "3+4=7"),
        (Kind.CANCER_STAGE, "IIB", "IIB"),
        (Kind.CANCER_STAGE, "t1c", "T1c"),
        (Kind.TUMOR_LATERALITY, "both", "bilateral"),
    ],
)
def test_bare_answers(kind, answer, value):
    assert [m.value for m in bare(kind, answer)] == [value]


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("Tumor size: 2.3 cm", 1),
        ("a firm mass measuring 2.3 x 1 cm", 1),
        ("Lesion: mass. Size: 2.3 cm", 1),
        ("a 2.3 cm tan nodule", 1),
        ("a mass in the upper pole. It measures 2.3 cm", 1),
        ("specimen measuring 2.3 x 2 cm", -1),
        ("the tumor is 2.3 cm from the margin", -1),
        ("safety margin: 2.3 cm", -1),
        ("lymph node with tumor, 2.3 cm", -1),
        ("multiple tumors none more than 2.3 cm", -1),
        ("wall 2.3 cm in thickness", -1),
        ("2.3 cm", 0),
    ],
)
def test_what_a_size_measures(text, sign):
    (mention,) = FINDERS[Kind.TUMOR_SIZE](text)
    weight = tumour_size_weight(text, mention)
    assert (weight > 0) - (weight < 0) == sign


ANY = st.text(alphabet=st.characters() | st.sampled_from("pTNM0123xcm.+=-()er ISV"), max_size=200)


@given(ANY)
@pytest.mark.parametrize("kind", list(FINDERS))
def test_finders_take_any_text_and_stay_within_it(kind, text):
    for mention in FINDERS[kind](text):
        assert 0 <= mention.start < mention.end <= len(text)
        assert mention.value
