"""Retrieval: the sentences that bear on a question, from layouts that pathology reports and OCR have."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncofhir.inference.prompting.retrieval import (
    LONGEST_SENTENCE,
    excerpt,
    questions,
    retrieve,
    sentences,
)

ONE_LINE = (
    "SPECIMEN: A: RIGHT BREAST. GROSS DESCRIPTION. Received fresh is a breast, 21.0 x 18.5 x 4.0 cm, skin "
    "ellipse 9.0 x 4.0 cm. The deep margin is 1.2 cm away. Three lymph nodes up to 1.1 cm. FINAL DIAGNOSIS: "
    "A. RIGHT BREAST, MASTECTOMY: -TUMOR TYPE: INVASIVE DUCTAL CARCINOMA. -NOTTINGHAM GRADE: 2. -TUMOR SIZE: "
    "2. 4 CM. -PATHOLOGIC STAGE: PT2 NO MX. -ESTROGEN RECEPTOR: POSITIVE (95%). HER-2: NEGATIVE (1+)."
)


def test_every_question_of_the_prompt_sets_has_patterns():
    assert set(questions()) == {
        "hormone receptor type",
        "hormone receptor status",
        "tumor size",
        "tumor site",
        "cancer grade",
        "histological type",
        "tumor laterality",
        "cancer stage",
        "diagnosis",
    }


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("tumor size", "tumor size: 2. 4 cm"),
        ("cancer stage", "pt2 no mx"),
        ("cancer grade", "nottingham grade: 2"),
        ("histological type", "invasive ductal carcinoma"),
        ("tumor laterality", "right breast"),
        ("hormone receptor status", "estrogen receptor: positive (95%)"),
        ("hormone receptor status", "her-2: negative (1+)"),
        ("diagnosis", "invasive ductal carcinoma"),
    ],
)
def test_finds_the_sentence_in_text_that_is_one_line(question, expected):
    assert expected in excerpt(ONE_LINE, question)


@pytest.mark.parametrize("stage", ["PT2 NO MX", "Tlc NO MX", "pT1c, pN1a", "pT3ano", "ypT0 N0"])
def test_finds_a_stage_in_the_forms_of_ocr(stage):
    text = f"Margins are negative. Fat and skin are unremarkable. Stage {stage}. Nodes: see above."
    assert stage.lower() in excerpt(text, "cancer stage")


def test_prefers_the_size_of_the_tumor_where_not_all_sizes_fit():
    distractors = "\n".join(
        f"Specimen {n}: received skin measuring {n}.0 x 2.0 cm" for n in range(60)
    )
    text = f"{distractors}\nTumor size: 3.3 cm\n{distractors}"
    assert "tumor size: 3.3 cm" in excerpt(text, "tumor size")


def test_prefers_the_final_diagnosis_to_the_history():
    history = "Clinical history:\n" + "Breast carcinoma, grade 1, in the past.\n" * 20
    text = history + "Final diagnosis:\nInvasive carcinoma, histologic grade 3.\n"
    assert "histologic grade 3" in excerpt(text, "cancer grade")


def test_says_nothing_where_nothing_bears_on_the_question():
    assert retrieve("The weather is fine. Call back tomorrow.", "hormone receptor status") == ()
    assert excerpt("", "tumor size") == ""


def test_an_unknown_question_is_refused():
    with pytest.raises(KeyError):
        retrieve("text", "shoe size")


TEXTS = st.one_of(
    st.text(),
    st.text(alphabet=" .;-x0123456789cmTNMpt\n\r", max_size=2000),
    st.lists(
        st.sampled_from(
            [
                "tumor",
                "size",
                "2.5 cm",
                ". ",
                "; ",
                "\n",
                "grade 2",
                "er positive",
                "PT2 NO",
                "left breast",
            ]
        ),
        max_size=80,
    ).map(" ".join),
)


@settings(max_examples=150, deadline=None)
@given(text=TEXTS, question=st.sampled_from(questions()), limit=st.integers(0, 900))
def test_spans_are_in_order_inside_the_text_and_within_the_bound(text, question, limit):
    spans = retrieve(text, question, limit)
    ends = [0, *(end for _, end in spans)]
    for (start, end), before in zip(spans, ends, strict=False):
        assert before <= start < end <= len(text)
    assert sum(end - start for start, end in spans) <= limit
    said = excerpt(text, question, limit)
    assert said == " ".join(said.split())
    assert said == said.lower()


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_no_sentence_is_longer_than_the_bound_and_no_word_is_lost(text):
    spans = list(sentences(text))
    assert all(0 < end - start <= LONGEST_SENTENCE for start, end in spans)
    covered = set().union(*(range(start, end) for start, end in spans))
    lost = "".join(c for at, c in enumerate(text) if at not in covered)
    assert not any(c.isalnum() for c in lost)


@pytest.mark.parametrize(
    "unit", ["tumor 1.1", " ", "x" * 50, "1. ", "- ", "a.", ";", "\r\n", "T2 N", "carcinoma "]
)
def test_time_grows_with_the_length_and_not_faster(unit):
    """Twenty times the text in at most sixty times the time; a quadratic pattern would take 400."""

    def seconds(length):
        text = (unit * (length // len(unit) + 1))[:length]
        began = time.process_time()
        excerpt(text, "tumor size")
        return time.process_time() - began

    seconds(1000)
    short = min(seconds(10_000) for _ in range(3))
    assert seconds(200_000) < max(60 * short, 0.5)
