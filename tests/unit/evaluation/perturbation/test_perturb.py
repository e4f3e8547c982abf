"""Changes to reports: seeded, only where they say, with what must then be found."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.cli.commands.try_it.evaluate import Damage
from oncofhir.evaluation.dataset import ITEMS
from oncofhir.evaluation.perturbation.counterfactual import changed_values
from oncofhir.evaluation.perturbation.damage import (
    ORDERS,
    change_case,
    misread,
    misspell,
    shuffle_sentences,
)
from oncofhir.evaluation.perturbation.perturb import Perturbation, perturb
from tests.unit.evaluation.builders import labelled

TEXT = (
    "Left breast, mastectomy: Invasive ductal carcinoma, moderately differentiated (G2). "
    "Tumor size: 2.5 x 1.8 cm. ER: positive. Stage pT2 pN0. The left side is marked."
)
REPORT = labelled(
    TEXT,
    tumor_size="25 mm",
    tumor_laterality="left",
    cancer_grade="2",
    histological_type="invasive ductal carcinoma",
    cancer_stage="pT2 pN0",
    hormone_receptors={"ER": "positive"},
    diagnosis="breast cancer",
)
ITEM = {item.name: item for item in ITEMS}


def changed(kind, rate=1.0, seed=1):
    (one,) = perturb([REPORT], kind, rate, seed)
    return one


def test_the_command_offers_every_kind():
    assert [d.value for d in Damage] == [p.value for p in Perturbation]


@pytest.mark.parametrize("kind", Perturbation)
def test_the_same_seed_gives_the_same_text_and_rate_0_changes_nothing(kind):
    assert changed(kind) == changed(kind)
    assert changed(kind).text != TEXT
    assert changed(kind, rate=0).text == TEXT


@pytest.mark.parametrize(
    "kind",
    [Perturbation.MISSPELL, Perturbation.CASE, Perturbation.OCR, Perturbation.SHUFFLE,
     Perturbation.HOSTILE],
)  # fmt: skip
def test_damage_demands_the_same_answers(kind):
    one = changed(kind, rate=0.5)
    assert one.before == one.after == tuple(REPORT.gold().items())


@given(st.text(max_size=200), st.integers(0, 99))
def test_damage_takes_any_text(text, seed):
    for damage in (misspell, change_case, misread, shuffle_sentences):
        assert isinstance(damage(random.Random(seed), text, 0.5), str)


@given(st.lists(st.sampled_from(["A b.", "C d 2.5 cm.", "E"]), min_size=1), st.integers(0, 99))
def test_shuffling_loses_no_word(sentences, seed):
    text = " ".join(sentences)
    assert sorted(shuffle_sentences(random.Random(seed), text, 1).split()) == sorted(text.split())


def test_a_changed_value_is_said_and_the_old_one_no_longer():
    one = changed(Perturbation.COUNTERFACTUAL)
    after = {item.name: value for item, value in one.after}
    assert set(after) == {
        "tumor_size", "tumor_laterality", "cancer_grade", "cancer_stage/t", "cancer_stage/n",
        "hormone_receptors/ER",
    }  # fmt: skip
    assert after["tumor_laterality"] == "right"
    assert "Right breast" in one.text
    assert "left" not in one.text.lower()
    assert "2.5" not in one.text
    assert "x 1.8 cm" in one.text
    assert "moderately" not in one.text
    assert after["hormone_receptors/ER"] == "negative"
    assert "ER: negative" in one.text
    assert after["cancer_stage/t"] in one.text


def test_a_value_that_cannot_be_changed_is_not_scored():
    grade = ITEM["cancer_grade"]
    text, after = changed_values(random.Random(1), "no grade is said", {grade: "2"}, 1.0)
    assert (text, after) == ("no grade is said", {})


def test_negation_demands_absence():
    one = changed(Perturbation.NEGATE)
    assert "no evidence of Invasive ductal carcinoma" in one.text
    assert {item.name: value for item, value in one.after} == {
        "histological_type": None,
        "diagnosis": None,
    }
    assert dict(one.before)[ITEM["diagnosis"]] == "breast cancer"


def test_orders_are_added_and_nothing_is_lost():
    text = changed(Perturbation.HOSTILE).text
    assert sum(order in text for order in ORDERS) == 2
    assert "Tumor size: 2.5 x 1.8 cm" in text
