"""What every measure must hold to, whatever was labelled and found."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncofhir.evaluation.calibration.reliability import Judged, reliability
from oncofhir.evaluation.dataset import ITEMS, Item, Phenotype
from oncofhir.evaluation.scoring.scores import summary
from oncofhir.evaluation.scoring.tally import tallies
from oncofhir.evaluation.scoring.text_measures import diagnosis_measures, paper_measure
from oncofhir.schemas.finding import Kind
from tests.unit.evaluation.builders import observed

VALUES = {
    Phenotype.SIZE: ("25 mm", "31 mm"),
    Phenotype.SITE: ("breast", "lung"),
    Phenotype.LATERALITY: ("left", "right"),
    Phenotype.GRADE: ("1", "3"),
    Phenotype.HISTOLOGY: ("adenocarcinoma", "melanoma"),
    Phenotype.STAGE: ("pT2", "pT3"),
    Phenotype.RECEPTORS: ("positive", "negative"),
    Phenotype.DIAGNOSIS: ("breast cancer", "lung cancer"),
}
TNM = {"t": ("pT2", "pT3"), "n": ("pN0", "pN1"), "m": ("pM0", "pM1"), "group": ("IIB", "IV")}


def values(item):
    return TNM[item.slot] if item.phenotype is Phenotype.STAGE else VALUES[item.phenotype]


@st.composite
def golds(draw):
    """Reports' labels, each with a value or known absent, at least one with a value."""
    reports = draw(
        st.lists(
            st.dictionaries(st.sampled_from(ITEMS), st.sampled_from([0, 1, None]), min_size=1),
            min_size=1,
            max_size=6,
        )
    )
    made = [
        {item: None if at is None else values(item)[at] for item, at in report.items()}
        for report in reports
    ]
    made[0][Item(phenotype=Phenotype.DIAGNOSIS)] = "breast cancer"
    return made


def scored(golds, founds):
    reports = [observed(g, f, str(n)) for n, (g, f) in enumerate(zip(golds, founds, strict=True))]
    said = summary([tallies(r) for r in reports], seed=1)
    figures = {
        "micro": said["micro"].exact.f1,
        "lenient": said["micro"].lenient.f1,
        "macro": said["macro"]["f1"],
        "diagnosis": diagnosis_measures(reports)["exact"],
    }
    return figures | {f"paper {k}": v["f1"] for k, v in paper_measure(reports).items()}


@settings(max_examples=40, deadline=None)
@given(golds())
def test_perfect_findings_score_one_and_none_score_zero(gold):
    assert all(v == pytest.approx(1) for v in scored(gold, gold).values())
    assert all(v == 0 for v in scored(gold, [{} for _ in gold]).values())


@settings(max_examples=40, deadline=None)
@given(golds(), st.randoms(use_true_random=False))
def test_order_does_not_matter(gold, chance):
    found = [_worsened(report, chance, 0.4) for report in gold]
    pairs = list(zip(gold, found, strict=True))
    chance.shuffle(pairs)
    mixed = [dict(chance.sample(sorted(g.items(), key=str), len(g))) for g, _ in pairs]
    assert scored(mixed, [f for _, f in pairs]) == pytest.approx(scored(gold, found))


@settings(max_examples=60, deadline=None)
@given(golds(), st.randoms(use_true_random=False))
def test_worse_findings_never_score_more(gold, chance):
    better = [_worsened(report, chance, 0.3) for report in gold]
    worse = [
        {i: better[n].get(i) if better[n].get(i) != v or chance.random() < 0.5 else _wrong(i, v, chance)
         for i, v in report.items()}
        for n, report in enumerate(gold)
    ]  # fmt: skip
    before, after = scored(gold, better), scored(gold, worse)
    assert all(after[name] <= before[name] + 1e-9 for name in before)


def _worsened(report, chance, share):
    return {i: _wrong(i, v, chance) if chance.random() < share else v for i, v in report.items()}


def _wrong(item, value, chance):
    """Another value, or none; where there is none, one."""
    if value is None:
        return values(item)[0]
    other = next(v for v in values(item) if v != value)
    return chance.choice([None, other])


def test_intervals_hold_the_score_and_are_the_same_for_a_seed():
    chance = random.Random(1)
    gold = [{ITEMS[0]: "25 mm"} for _ in range(50)]
    found = [{ITEMS[0]: chance.choice(["25 mm", "9 mm"])} for _ in gold]
    counted = [tallies(observed(g, f)) for g, f in zip(gold, found, strict=True)]
    first, second = summary(counted, 1), summary(counted, 1)
    assert first == second
    row = first["micro"]
    assert row.f1_interval.low < row.exact.f1 < row.f1_interval.high


def test_a_claim_where_the_label_is_known_absent_lowers_precision():
    item = ITEMS[0]
    said = summary([tallies(observed({item: None}, {item: "3 mm"}))], 1)
    assert (said["micro"].labels, said["micro"].found, said["micro"].exact.precision) == (0, 1, 0)


def test_calibration_error():
    sure = [Judged(kind=Kind.TUMOR_SIZE, confidence=0.95, right=n < 5) for n in range(10)]
    assert reliability(sure)["ece"] == pytest.approx(0.45)
    assert reliability([])["ece"] is None


def test_what_is_not_labelled_has_no_figures():
    reports = [observed({Item(phenotype=Phenotype.SITE): "breast"}, {})]
    said = diagnosis_measures(reports)
    assert (said["labels"], said["exact"], said["bleu_2"], said["rouge_l"]) == (0, None, None, None)
    absent = observed({ITEMS[0]: None}, {})
    row = summary([tallies(absent)], 1)["micro"]
    assert (row.exact.precision, row.exact.recall, row.exact.f1, row.f1_interval) == (None,) * 4
    assert summary([tallies(absent)], 1)["macro"]["f1"] is None
    assert paper_measure([absent])["exact"]["f1"] is None
    claimed = summary([tallies(observed({ITEMS[0]: None}, {ITEMS[0]: "3 mm"}))], 1)["micro"]
    assert (claimed.exact.precision, claimed.exact.recall) == (0, None)
