"""A document that replaces another: the earlier one's findings no longer count, whatever its own event says."""

import pytest

from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from tests.integration.pipeline_harness import document, pipeline_bench, report

SCRIPT = [{"contains": ["tumor size"], "answer": "2.3 cm"}]


@pytest.fixture(scope="module")
def process():
    with pipeline_bench(SCRIPT) as bench:
        yield bench.process


def replacing(ident, text, target):
    relation = {"code": "replaces", "target": {"reference": target}}
    return document(ident, text, relatesTo=[relation])


def test_what_is_replaced_is_outdated_once_and_again(process):
    old = document("old", "FINAL DIAGNOSIS: Carcinoma, tumor size 2.3 cm.")
    new = replacing("new", "AMENDED: Carcinoma, tumor size 2.3 cm, left.", "DocumentReference/old")
    first, second, again = process(old, new, new)
    assert first.outcome.status is OutcomeStatus.FOUND
    assert first.rows
    for processed in (second, again):
        (replaced,) = processed.also
        assert replaced.outcome.status is OutcomeStatus.OUTDATED
        assert replaced.outcome.reason == "superseded"
        assert replaced.outcome.source == "DocumentReference/old"
        assert {row.status for row in replaced.rows} == {RowStatus.OUTDATED}
        assert processed.outcome.source == "DocumentReference/new"
        assert {row.status for row in processed.rows} == {RowStatus.CURRENT}
    (late,) = process(old)
    assert late.outcome.status is OutcomeStatus.OLDER_VERSION_IGNORED, (
        "its own older event changes nothing"
    )


def test_the_extension_of_a_diagnostic_report_outdates_as_relates_to_does(process):
    url = "http://hl7.org/fhir/StructureDefinition/diagnosticReport-replaces"

    references = ("DiagnosticReport/dr-old", "DiagnosticReport/dr-never-read")
    replaced = [{"url": url, "valueReference": {"reference": named}} for named in references]
    old = report("dr-old", "FINAL DIAGNOSIS: Carcinoma, tumor size 2.3 cm, left side.")
    new = report("dr-new", "CORRECTED: Carcinoma, tumor size 2.3 cm, left side, G2.")
    first, second = process(old, new | {"extension": replaced})
    assert first.rows
    (replaced,) = second.also
    assert (replaced.outcome.source, replaced.outcome.status, replaced.outcome.reason) == (
        "DiagnosticReport/dr-old",
        OutcomeStatus.OUTDATED,
        "superseded",
    )
    assert {row.status for row in second.rows} == {RowStatus.CURRENT}


def test_its_own_superseded_event_says_the_same(process):
    old = document("gone", "FINAL DIAGNOSIS: Carcinoma, tumor size 2.3 cm, right.")
    first, second = process(old, {**old, "status": "superseded", "meta": {"versionId": "2"}})
    assert first.outcome.status is OutcomeStatus.FOUND
    assert (second.outcome.status, second.outcome.reason) == (OutcomeStatus.OUTDATED, "superseded")


def test_what_was_never_read_or_is_elsewhere_is_left_alone(process):
    for number, target in enumerate(
        (
            "DocumentReference/never-read",
            "https://other.example.org/fhir/DocumentReference/old",
            "Composition/1",
            "urn:uuid:1",
            "DocumentReference/self-2",
        )
    ):
        ident = f"self-{number}" if "self" in target else f"alone-{number}"
        (processed,) = process(replacing(ident, f"Carcinoma {number}, tumor size 2.3 cm", target))
        assert processed.also == ()
