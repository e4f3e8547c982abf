"""Answers on real text, counterfactual variants, and the split of reports: without torch."""

import json
import random
from collections import Counter

import pytest

from model.augment import variant
from model.cases import MISSING
from model.labels import answer_to, real_questions
from model.questions import Pool, Question, is_held_out, split_by_report, synthetic

BREAST = {"cancer_type": "Breast invasive carcinoma", "tumor_site": "breast"}


@pytest.mark.parametrize(
    ("question", "given", "labels", "answer"),
    [
        ("tumor size", "tumor size: 2.2 x 2.0 cm; node 0.4 cm", {}, "2.2 x 2.0 cm"),
        ("tumor size", "a mass, 3 cm. specimen 9 cm", {"tumor_size": "30 mm"}, "3 cm"),
        ("tumor size", "a mass, 3 cm", {"tumor_size": "25 mm"}, None),
        ("tumor size", "the skin ellipse measures 4 x 2 cm", {}, MISSING),
        ("tumor size", "a mass, 3 cm; a second mass, 2 cm", {}, None),
        ("cancer grade", "fuhrman grade 2", {}, "grade 2"),
        ("cancer grade", "grade 2, focally grade 3", {}, None),
        ("cancer grade", "gleason score 3+4=7", {}, "3+4=7"),
        ("cancer grade", "moderately differentiated", {"cancer_grade": "3"}, None),
        ("cancer stage", "pathologic stage: pt2 n1a mx", {}, "pt2 n1a mx"),
        ("cancer stage", "chronic hepatitis, fibrosis stage iv", {}, MISSING),
        ("cancer stage", "ajcc stage: iib", {}, "stage iib"),
        ("tumor laterality", "right breast", {"tumor_laterality": "left"}, None),
        ("tumor laterality", "right breast", {}, "right"),
        ("tumor site", "mammary tissue of the breast, breast biopsy", BREAST, "breast"),
        ("diagnosis", "breast: carcinoma", BREAST, "breast cancer"),
        ("hormone receptor status", "er: positive. pr: negative", {}, "er positive, pr negative"),
        ("hormone receptor type", "er: positive. pr: negative", {}, "er, pr"),
    ],
)
def test_an_answer_only_where_it_is_sure(question, given, labels, answer):
    assert answer_to(question, given, {"cancer_type": ""} | labels) == answer


def test_real_questions_leave_out_what_nothing_is_retrieved_for(tmp_path):
    file = tmp_path / "r.jsonl"
    text = "Final diagnosis: left breast, invasive ductal carcinoma, grade 2."
    row = {"id": "r", "text": text, "labels": {"tumor_site": "breast"}, "cancer_type": "Breast"}
    file.write_text(json.dumps(row) + "\n")
    asked = {name: answer for _, name, _, answer in real_questions([file])}
    assert asked["cancer grade"] == "grade 2"
    assert asked["tumor laterality"] == "left"
    assert "hormone receptor status" not in asked


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("question", "given", "answer"),
    [
        ("tumor size", "tumor size: 2.5 x 1. 4 cm, margin 2.5 cm", "2.5 x 1. 4 cm"),
        ("cancer grade", "histologic grade 2. gleason 3+4=7", "3+4=7"),
        ("cancer grade", "moderately differentiated, grade ii of iii", "grade ii of iii"),
        ("cancer stage", "stage: pt2a n1a mx, see note", "pt2a n1a mx"),
        ("tumor laterality", "left breast, right axilla", "left"),
        ("tumor site", "lung, 3 cm", "lung"),
    ],
)
def test_a_variant_says_the_same_in_text_and_answer(seed, question, given, answer):
    changed, changed_answer = variant(random.Random(seed), question, given, answer)
    assert changed_answer in changed
    assert len(changed.split()) == len(given.split())


def test_a_variant_of_a_gleason_score_adds_up():
    for seed in range(20):
        _, answer = variant(random.Random(seed), "cancer grade", "gleason 3+4=7", "3+4=7")
        parts, total = answer.split("=")
        assert sum(map(int, parts.split("+"))) == int(total)


def test_words_that_say_a_status_otherwise_have_no_variant():
    given = "her2 not amplified, er positive"
    for seed in range(10):
        same = variant(random.Random(seed), "hormone receptor status", given, "er positive")
        assert same == (given, "er positive")


def test_a_report_is_held_out_or_trained_on_and_never_both():
    rows = [(f"report-{n}", "tumor size", f"given {n}", "2 cm") for n in range(400)]
    training, held = split_by_report(rows)
    assert len(training) + len(held) == 400
    assert 10 < len(held) < 80
    assert {row.given for row in held} == {
        f"given {n}" for n in range(400) if is_held_out(f"report-{n}")
    }


def test_synthetic_answers_stand_in_what_is_given():
    for row in synthetic(40, 3, "train"):
        assert row.given
        copied = row.name in {"tumor size", "cancer stage", "cancer grade", "histological type"}
        if copied and row.answer != MISSING:
            assert row.answer in row.given


def test_the_pool_shows_hard_questions_more_often():
    rows = synthetic(60, 3, "train")
    drawn = Counter(q.name for q in Pool(rows, rows, random.Random(1)).draw(2000))
    assert drawn["tumor size"] > 2 * drawn["diagnosis"]


def test_the_pool_goes_without_real_text():
    rows = [Question("tumor size", "tumor size: 2 cm", "2 cm")]
    drawn = list(Pool([], rows, random.Random(1)).draw(50))
    assert drawn
    assert all(q.answer in q.given for q in drawn)
