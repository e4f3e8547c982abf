"""Results of a report in words: panels, coded values, quantities, interpretations."""

import asyncio

import pytest

from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.source_reader import Companions
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.rules import Rules


def observation(ident, name, **more):
    code = {"code": {"text": name}} if name else {}
    return {"resourceType": "Observation", "id": ident, "status": "final", **code, **more}


def report_of(*observations, result=None, companions=(), **limits):
    resource = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        "contained": list(observations),
        "result": [{"reference": r} for r in result or [f"#{o['id']}" for o in observations]],
    }
    return asyncio.run(read_report(resource, Companions(companions), IntakeLimits(**limits)))


def displayed(*names, **more):
    return {
        "coding": [
            {"system": "urn:x", "code": str(n), "display": name} for n, name in enumerate(names)
        ],
        **more,
    }


VALUES = {
    "a text": ({"valueString": "pT1c"}, "Item: pT1c"),
    "a coded value's text": (
        {"valueCodeableConcept": displayed("x", text="Positive")},
        "Item: Positive",
    ),
    "a coded value's display": (
        {"valueCodeableConcept": displayed("Positive", "POS")},
        "Item: Positive",
    ),
    "a quantity": ({"valueQuantity": {"value": 2.7, "unit": "cm"}}, "Item: 2.7 cm"),
    "a whole number": ({"valueQuantity": {"value": 95.0, "unit": "%"}}, "Item: 95 %"),
    "a small number": ({"valueQuantity": {"value": 1e-7, "unit": "g"}}, "Item: 0.0000001 g"),
    "a comparator": (
        {"valueQuantity": {"value": 1, "comparator": "<", "code": "%"}},
        "Item: < 1 %",
    ),
    "no unit": ({"valueQuantity": {"value": 3}}, "Item: 3"),
    "a range": (
        {"valueRange": {"low": {"value": 5}, "high": {"value": 10, "unit": "%"}}},
        "Item: 5 to 10 %",
    ),
    "a ratio": (
        {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 12}}},
        "Item: 1/12",
    ),
    "a count": ({"valueInteger": 2}, "Item: 2"),
    "an interpretation": (
        {"interpretation": [{"text": "HER2 positive (3+)"}]},
        "Item: HER2 positive (3+)",
    ),
    "an interpretation's display": (
        {"interpretation": [displayed("Equivocal")]},
        "Item: Equivocal",
    ),
    "value and interpretation": (
        {
            "valueQuantity": {"value": 95, "unit": "%"},
            "interpretation": [displayed("Positive")],
            "note": [{"text": "strong"}],
        },
        "Item: 95 %\nPositive\nstrong",
    ),
    "components": (
        {
            "component": [
                {"code": {"text": "ER"}, "valueString": "90 %"},
                {"code": {"text": "PR"}, "valueQuantity": {"value": 5, "unit": "%"}},
                {"code": {"text": "none"}},
            ]
        },
        "Item: ER: 90 %\nPR: 5 %",
    ),
}


@pytest.mark.parametrize("case", VALUES)
def test_values_stand_behind_the_name_of_their_observation(case):
    value, text = VALUES[case]
    report = report_of(observation("o1", "Item", **value))
    assert report.text == text
    assert [(s.path, s.start, s.end) for s in report.segments] == [
        ("DiagnosticReport.result[0].resolve()", 0, len(text))
    ]


def test_an_observation_without_a_value_says_nothing():
    empty = [
        observation("o1", "A"),
        observation("o2", "B", valueQuantity={"unit": "cm"}),
        observation("o3", "C", valueInteger=True),
        observation("o4", "D", valueCodeableConcept={"coding": [{"code": "1"}]}),
        observation("o5", "E", valueString="gone", status="entered-in-error"),
    ]
    assert report_of(*empty, observation("o6", "F", valueString="x")).text == "F: x"
    assert report_of(observation("o6", None, valueString="x")).text == "x"


def member(*idents):
    return {"hasMember": [{"reference": f"#{ident}"} for ident in idents]}


def test_the_members_of_a_panel_are_read_behind_it():
    panel = observation("p", "Panel", **member("a", "q", "b"), valueString="complete")
    inner = observation("q", "Inner", **member("c", "p"))
    leaves = [observation(i, i.upper(), valueString=i) for i in ("a", "b", "c", "d")]
    report = report_of(panel, inner, *leaves, result=["#p", "#d", "#a"])
    assert report.text == "Panel: complete\n\nA: a\n\nC: c\n\nB: b\n\nD: d"
    assert report.segments[2].path == (
        "DiagnosticReport.result[0].resolve().hasMember[1].resolve().hasMember[0].resolve()"
    )


def test_members_are_fetched_and_panels_are_bounded():
    far = observation("far", "Far", valueString="x")
    panel = observation(
        "p",
        "Panel",
        hasMember=[{"reference": "Observation/far"}, {"reference": "Observation/absent"}],
    )
    assert report_of(panel, companions=[far]).text == "Far: x"
    many = [observation(f"m{n}", "M", valueString=str(n)) for n in range(9)]
    wide = observation("w", "Wide", **member(*(m["id"] for m in many)))
    assert report_of(wide, *many, result=["#w"], max_results=4).text == "M: 0\n\nM: 1\n\nM: 2"


def test_findings_are_made_of_results():
    report = report_of(
        observation(
            "o1",
            "Histologic type",
            valueCodeableConcept=displayed("Infiltrating duct carcinoma of right breast"),
        ),
        observation("o2", "Tumor size", valueQuantity={"value": 31, "unit": "mm"}),
        observation("o3", "Progesterone receptor", valueCodeableConcept=displayed("Negative")),
    )
    found = asyncio.run(Extractor(Rules()).extract(report)).findings
    assert {"31 mm", "right", "negative", "infiltrating duct carcinoma"} <= {f.value for f in found}
