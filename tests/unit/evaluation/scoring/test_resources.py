"""A resource is right if it bears the codes that the label demands."""

import pytest

from oncofhir.evaluation.dataset import ITEMS
from oncofhir.evaluation.scoring.resources import emitted, is_uncoded, tally_resources
from oncofhir.fhir import codes

ITEM = {item.name: item for item in ITEMS}
T = ITEM["cancer_stage/t"]


def bundle(*resources):
    return {"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]}


def size(millimetres):
    component = {"code": codes.LONGEST_DIMENSION, "valueQuantity": {"value": millimetres}}
    return {"resourceType": "Observation", "code": codes.SIZE, "component": [component]}


def category(asked, code):
    return {
        "resourceType": "Observation",
        "code": codes.stage_code("t", asked),
        "valueCodeableConcept": {"coding": [{"code": code}]},
    }


def counts(gold, *resources):
    ((_, tally),) = tally_resources(gold, emitted(bundle(*resources))).items()
    return (tally.right, tally.claimed, tally.wanted)


PT2 = "1229852009"


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ((category("pT2", PT2),), (1, 1, 1)),
        ((category("cT2", PT2),), (0, 1, 1)),
        ((category("pT2", "1"),), (0, 1, 1)),
        ((category("pT2", PT2), category("pT2", "1")), (1, 2, 1)),
        ((category("pT2", PT2), category("pT2", PT2)), (1, 1, 1)),
        ((), (0, 0, 1)),
    ],
)
def test_code_and_value_must_match(resources, expected):
    assert counts({T: "pT2"}, *resources) == expected


def test_sizes_are_compared_in_mm():
    gold = {ITEM["tumor_size"]: "2.5 cm"}
    assert counts(gold, size(25)) == (1, 1, 1)
    assert counts(gold, size(2.5)) == (0, 1, 1)


def test_a_label_known_absent_makes_every_resource_wrong():
    assert counts({ITEM["tumor_size"]: None}, size(25)) == (0, 1, 0)


def test_site_and_values_without_code_are_not_judged():
    equivocal = ITEM["hormone_receptors/HER2"]
    assert is_uncoded(equivocal, "equivocal")
    assert not tally_resources({ITEM["tumor_site"]: "breast", equivocal: "equivocal"}, {})
