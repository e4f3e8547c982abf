"""Verdicts as FHIR: what is stored, published and listed, and what happens when two decide at once."""

import asyncio

import pytest

from oncofhir.schemas.finding import Coding, Kind
from oncofhir.schemas.outcome import ReviewStatus, RowOperation, RowStatus
from oncofhir.schemas.review import (
    AddMissed,
    Confirm,
    Correct,
    NotSure,
    OutcomeKind,
    Refute,
    ReportState,
    ReviewReason,
    Undo,
)
from tests.builders import BREAST, CANARY
from tests.integration.fhir.document_store import ANSWERS
from tests.integration.fhir.review_bench import GREY, WEBER, reviewed, tell_review

ER, STAGE = "ER", "group"


def labels(resource):
    return {label["code"] for label in resource["meta"]["security"]}


@reviewed
async def test_a_confirmed_diagnosis_is_confirmed_in_the_store_with_a_verifier(bench):
    item = await bench.item(Kind.DIAGNOSIS)
    outcome = await bench.decide(Confirm(finding=item.finding), version=item.version_id)
    assert (outcome.kind, outcome.published) == (OutcomeKind.DONE, True)
    condition = bench.get(item.resource)
    assert condition["verificationStatus"]["coding"][0]["code"] == "confirmed"
    assert condition["asserter"]["reference"] == "Practitioner/grey"
    assert "AIAST" in labels(condition), "the label names the origin and stays"
    verdict = next(
        p
        for p in bench.provenances(item.resource)
        if p["activity"]["coding"][0]["code"] == "verify"
    )
    verifier = next(a for a in verdict["agent"] if a["type"]["coding"][0]["code"] == "verifier")
    assert verifier["who"]["reference"] == "Practitioner/grey"
    revision = next(e for e in verdict["entity"] if e["role"] == "revision")
    assert revision["what"]["display"] == f"version {item.version_id}"
    (row,) = bench.rows()
    assert (row.review_status, row.status) == (ReviewStatus.CONFIRMED, RowStatus.CURRENT)
    assert (row.reviewed, row.reviewer, row.machine_asserted) == (True, "Practitioner/grey", True)
    assert await bench.item(Kind.DIAGNOSIS) is not None
    assert Kind.DIAGNOSIS not in {i.kind for i in (await bench.items(None)).items if i.reasons}


@reviewed
async def test_a_corrected_size_is_a_new_version_with_the_reviewers_value(bench):
    item = await bench.item(Kind.TUMOR_SIZE)
    verdict = Correct(finding=item.finding, value="2.5 x 2 cm", comment="measured again")
    outcome = await bench.decide(verdict, version=item.version_id)
    assert outcome.finding.current.dimensions == (25, 20)
    observation = bench.get(item.resource)
    assert observation["status"] == "corrected"
    values = [c["valueQuantity"]["value"] for c in observation["component"]]
    assert values == [25, 20]
    assert labels(observation) >= {"HCPAST"}, "the value is a human's now"
    kept = {"AIAST"} if bench.keeps_labels else set()
    assert labels(observation) - {"HCPAST"} == kept, "HAPI FHIR keeps each label that it has seen"
    assert "device" not in observation
    assert observation["note"][-1]["text"] == "measured again"
    (row,) = bench.rows()
    assert (row.value, row.number, row.unit) == ("25 mm", 25, "mm")
    assert (row.review_status, row.machine_asserted) == (ReviewStatus.CORRECTED, False)
    assert (row.confidence, row.status) == (None, RowStatus.HUMAN_EDITED)
    assert "measured" not in row.model_dump_json()


@reviewed
async def test_a_refuted_finding_is_retracted_from_the_rows(bench):
    item = await bench.item(Kind.HORMONE_RECEPTOR, ER)
    await bench.decide(Refute(finding=item.finding), version=item.version_id)
    assert bench.get(item.resource)["status"] == "cancelled"
    (row,) = bench.rows()
    assert (row.operation, row.status) == (RowOperation.RETRACT, RowStatus.WITHDRAWN)
    assert row.review_status is ReviewStatus.REFUTED


@reviewed
async def test_a_diagnosis_that_was_recorded_in_error_has_no_clinical_status(bench):
    item = await bench.item(Kind.DIAGNOSIS)
    await bench.decide(Refute(finding=item.finding, in_error=True))
    condition = bench.get(item.resource)
    assert condition["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    assert "clinicalStatus" not in condition


@reviewed
async def test_a_corrected_stage_is_corrected_on_the_condition_too_and_both_come_back(bench):
    stage, diagnosis = await bench.item(Kind.CANCER_STAGE, STAGE), await bench.item(Kind.DIAGNOSIS)
    before = bench.get(diagnosis.resource)
    await bench.decide(Correct(finding=stage.finding, value="IIIA"))
    summary = bench.get(diagnosis.resource)["stage"][0]["summary"]
    assert summary["text"] == "stage IIIA"
    assert (await bench.watcher.run_once()).edited == 0, "our own write is no edit"
    outcome = await bench.decide(Undo(finding=stage.finding))
    assert outcome.kind is OutcomeKind.DONE
    assert bench.get(diagnosis.resource)["stage"] == before["stage"]
    assert bench.get(stage.resource)["status"] == "preliminary"
    assert [row.value for row in bench.rows()] == ["IIIA", "IIB"]


@reviewed
async def test_a_site_is_reviewed_on_its_own_and_the_machine_leaves_it(bench):
    site = await bench.item(Kind.TUMOR_SITE)
    choice = (await bench.page.search_codes(Kind.TUMOR_SITE, "axillary tail"))[:1]
    coding = (
        choice[0].coding if choice else Coding(system="http://snomed.info/sct", code="76752008")
    )
    verdict = Correct(finding=site.finding, value="axillary tail of breast", coding=coding)
    assert (await bench.decide(verdict)).kind is OutcomeKind.DONE
    condition = bench.get(site.resource)
    assert condition["bodySite"][0]["text"] == "axillary tail of breast"
    assert condition["bodySite"][0]["extension"], "the side stays"
    assert condition["verificationStatus"]["coding"][0]["code"] == "unconfirmed"
    await bench.store(BREAST + "\nAmended.", "2", ANSWERS | {"tumor site": "right breast"})
    assert bench.get(site.resource)["bodySite"] == condition["bodySite"]


@reviewed
async def test_what_the_model_missed_is_added_by_the_reviewer_once(bench):
    document = (await bench.head()).document
    start = BREAST.index("HER2: negative")
    verdict = AddMissed(
        document=document, start=start, end=start + 14, kind=Kind.CANCER_GRADE, value="3"
    )
    outcome = await bench.decide(verdict)
    added = outcome.finding.item
    observation = bench.get(added.resource)
    assert observation["status"] == "final"
    assert labels(observation) == {"HCPAST"}
    assert observation["performer"][0]["reference"] == "Practitioner/grey"
    assert observation["meta"]["profile"][0].endswith("mcode-histologic-grade")
    assert outcome.finding.machine is None
    again = await bench.decide(verdict)
    assert again.finding.item.resource == added.resource
    (row, *_) = bench.rows()
    assert (row.machine_asserted, row.review_status) == (False, ReviewStatus.CONFIRMED)
    await bench.store(BREAST, "2")
    assert bench.get(added.resource)["status"] == "final", "a run leaves it"
    await bench.decide(Undo(finding=added.finding))
    assert bench.get(added.resource)["status"] == "entered-in-error"
    assert bench.rows()[-1].operation is RowOperation.RETRACT


@reviewed
async def test_the_second_of_two_reviewers_is_shown_the_difference(bench):
    item = await bench.item(Kind.TUMOR_SIZE)
    first = await bench.decide(
        Correct(finding=item.finding, value="30 mm"), version=item.version_id
    )
    second = await bench.decide(Confirm(finding=item.finding), WEBER, item.version_id)
    assert first.kind is OutcomeKind.DONE
    assert second.kind is OutcomeKind.CONFLICT
    (value, *_) = second.differences
    assert (value.element, value.seen, value.now) == ("Observation.component", "23 mm", "30 mm")
    assert second.changed_by == "Practitioner/grey"
    assert second.finding.item.version_id == bench.get(item.resource)["meta"]["versionId"]
    assert bench.get(item.resource)["component"][0]["valueQuantity"]["value"] == 30


@reviewed
async def test_two_at_the_same_moment_never_both_win_unseen(bench):
    item = await bench.item(Kind.TUMOR_SIZE)
    outcomes = await asyncio.gather(
        bench.decide(Correct(finding=item.finding, value="30 mm"), GREY, item.version_id),
        bench.decide(Correct(finding=item.finding, value="31 mm"), WEBER, item.version_id),
    )
    assert {o.kind for o in outcomes} == {OutcomeKind.DONE, OutcomeKind.CONFLICT}


@reviewed
async def test_findings_of_one_condition_are_confirmed_in_bulk_with_one_version(bench):
    kinds = (Kind.DIAGNOSIS, Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY)
    items = [await bench.item(kind) for kind in kinds]
    outcomes = [await bench.decide(Confirm(finding=i.finding), version=i.version_id) for i in items]
    assert {o.kind for o in outcomes} == {OutcomeKind.DONE}


@reviewed
async def test_a_second_reviewer_who_disagrees_brings_it_up_again(bench):
    item = await bench.item(Kind.HORMONE_RECEPTOR, ER)
    await bench.decide(Confirm(finding=item.finding), GREY)
    await bench.decide(Refute(finding=item.finding), WEBER)
    after = await bench.item(Kind.HORMONE_RECEPTOR, ER)
    assert after.reasons == (ReviewReason.CONFLICTING,)
    assert after.reviewer == "https://idp.example.org|weber"


@reviewed
async def test_not_sure_stays_on_the_list_and_changes_no_row(bench):
    item = await bench.item(Kind.CANCER_GRADE)
    await bench.decide(NotSure(finding=item.finding, comment="ask Weber"))
    after = await bench.item(Kind.CANCER_GRADE)
    assert ReviewReason.AMBIGUOUS in after.reasons
    assert (await bench.decide(Undo(finding=item.finding), WEBER)).kind is not OutcomeKind.DONE
    assert (await bench.decide(Undo(finding=item.finding))).kind is OutcomeKind.DONE
    assert ReviewReason.AMBIGUOUS not in (await bench.item(Kind.CANCER_GRADE)).reasons
    assert bench.get(item.resource)["meta"]["versionId"] == item.version_id
    assert bench.rows() == []


@reviewed
async def test_what_cannot_be_decided_has_an_outcome_and_writes_nothing(bench):
    item = await bench.item(Kind.TUMOR_SIZE)
    before = await bench.head()
    cases = [
        (Correct(finding=item.finding, value="large"), OutcomeKind.INVALID_VALUE),
        (Confirm(finding="no-such-finding"), OutcomeKind.FINDING_NOT_FOUND),
        (Undo(finding=item.finding), OutcomeKind.NOTHING_TO_UNDO),
        (
            AddMissed(
                document=item.document, start=0, end=9_999, kind=Kind.CANCER_GRADE, value="2"
            ),
            OutcomeKind.INVALID_VALUE,
        ),
    ]
    for verdict, expected in cases:
        assert (await bench.decide(verdict)).kind is expected, verdict
    assert await bench.head() == before
    assert bench.rows() == []


@reviewed
async def test_a_finding_that_was_deleted_meanwhile(bench):
    item = await bench.item(Kind.HORMONE_RECEPTOR, ER)
    bench.delete(item.resource)
    outcome = await bench.decide(Confirm(finding=item.finding), version=item.version_id)
    assert outcome.kind is OutcomeKind.FINDING_NOT_FOUND


@reviewed
async def test_the_view_shows_text_evidence_and_history(bench):
    item = await bench.item(Kind.TUMOR_SIZE)
    await bench.decide(Confirm(finding=item.finding))
    view = await bench.page.report(item.document)
    assert view.state is ReportState.SHOWN
    assert CANARY in view.text
    finding = next(f for f in view.findings if f.item.finding == item.finding)
    (quote, *_) = finding.evidence
    assert view.text[quote.start : quote.end] == quote.text
    assert finding.resource_status == "final"
    assert [entry.change for entry in view.history] == ["reviewed", "read"]


@reviewed
async def test_the_view_of_a_report_that_is_gone(bench):
    item = await bench.item(Kind.TUMOR_SIZE)
    await bench.show("Another text.", status="entered-in-error")
    bench.http.delete(f"{bench.base_url}/DiagnosticReport/{bench.ident}")
    view = await bench.page.report(item.document)
    if view.state is ReportState.SHOWN:  # referential integrity forbids the deletion
        assert view.text == "Another text."
        assert all(not finding.evidence for finding in view.findings)
    else:
        assert view.state is ReportState.NOT_FOUND
    assert len(view.findings) == 12
    assert await bench.page.report("no-such-document") is None


@pytest.mark.parametrize("kind", [Kind.DIAGNOSIS, Kind.TUMOR_SIZE])
def test_verdicts_where_the_store_has_no_transactions(kind, fhir_server, broker, tmp_path):
    async def story(bench):
        item = await bench.item(kind)
        assert (await bench.decide(Confirm(finding=item.finding))).kind is OutcomeKind.DONE
        assert (await bench.item(kind)).review is ReviewStatus.CONFIRMED
        assert (await bench.watcher.run_once()).edited == 0
        assert (await bench.decide(Undo(finding=item.finding))).kind is OutcomeKind.DONE
        assert (await bench.item(kind)).review is ReviewStatus.UNREVIEWED

    tell_review(story, fhir_server, broker, tmp_path, one_by_one=True)
