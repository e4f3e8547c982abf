"""Without transactions: writers that are cut off between two findings, overtaken, or too late."""

import httpx2
import pytest

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.mapping.build import build
from oncofhir.fhir.store.decision import Decision, decide
from oncofhir.fhir.store.document_diff import report_version
from oncofhir.fhir.store.head_task import from_task
from oncofhir.fhir.store.strategies.sequential import SequentialStrategy
from oncofhir.fhir.store.strategies.strategy import choose_strategy
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected, StoreConflict
from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from oncofhir.schemas.reasons import Reason
from tests.builders import BREAST
from tests.integration.fhir.document_store import ANSWERS, SYSTEM, one_by_one, story
from tests.integration.fhir.interrupted_writes import CutOff, of_this_patient, tasks_of

GRADE_3 = BREAST.replace("grade 2", "grade 3")
ANSWERS_3 = ANSWERS | {"cancer grade": "3"}
SYSTEMS = IdentifierSystems(prefix=SYSTEM)


@one_by_one
async def test_a_first_writer_that_was_cut_off_is_healed_by_its_redelivery(bench):
    cut = CutOff(bench.client, after=4)  # reservation, announcement, two findings
    with pytest.raises(DependencyUnavailable):
        await bench.store()
    cut.mend()
    assert await bench.head() is None, "a reader finds no head of a run that is not complete"
    (task,) = await tasks_of(bench)
    assert task["status"] == "in-progress"
    processed = await bench.store()
    assert processed.outcome.revision == 1
    assert processed.outcome.conflicts == 0
    assert len(await bench.stored()) == 11
    assert set((await bench.versions()).values()) == {"1"}, "nothing is written twice"
    assert len(await of_this_patient(bench)) == 10
    (task,) = await tasks_of(bench)
    assert task["status"] == "completed"
    assert from_task(task).intents == ()


@one_by_one
async def test_an_amendment_that_was_cut_off_is_no_humans_edit(bench):
    await bench.store()
    cut = CutOff(bench.client, after=2)
    with pytest.raises(DependencyUnavailable):
        await bench.store(GRADE_3, "2", ANSWERS_3)
    cut.mend()
    (task,) = await tasks_of(bench)
    assert task["status"] == "in-progress"
    half = (await bench.head()).outcome
    assert half.revision == 1, "the head still tells of the last run that is complete"
    processed = await bench.store(GRADE_3, "2", ANSWERS_3)
    assert processed.outcome.conflicts == 0
    assert (await bench.versions())["cancer-grade"] == "2"
    grade = (await bench.stored())["cancer-grade"]
    assert grade["valueCodeableConcept"]["text"] == "Nottingham grade 3"


@one_by_one
async def test_what_a_human_edited_between_the_two_deliveries_is_left_alone(bench):
    cut = CutOff(bench.client, after=10)
    with pytest.raises(DependencyUnavailable):
        await bench.store()
    cut.mend()
    (edited, *_) = await bench.client.search(
        "Observation", {"subject": f"Patient/{bench.ident}", "_count": "1"}
    )
    await bench.client.update(edited | {"status": "final"})
    processed = await bench.store()
    assert processed.outcome.conflicts == 1
    after = await bench.client.read("Observation", edited["id"])
    assert after["status"] == "final"


@one_by_one
async def test_a_retraction_after_a_cut_off_withdraws_what_was_written(bench):
    cut = CutOff(bench.client, after=6)
    with pytest.raises(DependencyUnavailable):
        await bench.store()
    cut.mend()
    report = await bench.report(BREAST, "2")
    at = report_version(report).model_copy(update={"status": "entered-in-error"})
    source = report.source
    processed = await bench.repository.retract(source, at, Reason.ENTERED_IN_ERROR, None)
    assert processed.outcome.status is OutcomeStatus.RETRACTED
    standing = [
        r for r in await of_this_patient(bench)
        if r.get("status", "entered-in-error") != "entered-in-error"
    ]  # fmt: skip
    assert standing == []


@one_by_one
async def test_a_writer_that_was_overtaken_withdraws_what_only_it_wrote(bench):
    """The late one has written a finding that the newer version does not have; then it loses the head."""
    older = await bench.report(BREAST, "1")
    extraction = bench.extraction(older, ANSWERS)
    cut = CutOff(bench.client, after=12)
    with pytest.raises(DependencyUnavailable):
        await bench.repository.store(older, bench.run_of(older), extraction, None)
    (task,) = await tasks_of(bench)
    late = from_task(task)
    cut.mend()
    for announced in late.intents:  # as if the late one had not got to writing its grade
        if announced.slot == "cancer-grade":
            grade = await bench.client.read(*announced.resource.reference.split("/"))
            url = f"{bench.base_url}/{announced.resource.reference}"
            httpx2.delete(url, trust_env=False).raise_for_status()
    without = {q: a for q, a in ANSWERS.items() if q != "cancer grade"}
    newer = await bench.store(version="2", answers=without)
    assert "cancer-grade" not in (await bench.head()).resources
    assert "cancer-grade" in {a.slot for a in (await bench.head()).intents}
    assert newer.outcome.status is OutcomeStatus.FOUND
    grade["meta"].pop("versionId")
    await bench.client.update(grade)  # it gets there now
    strategy = SequentialStrategy(bench.client, SYSTEMS, await bench.client.capability())
    with pytest.raises(StoreConflict):
        await strategy.write([], late, late)
    head = await bench.repository.find_head(older.source, older)
    assert decide(head, older.source, report_version(older), "run") is Decision.STALE
    await bench.repository.roll_back_overtaken_writes(head)
    assert (await bench.client.read("Observation", grade["id"]))["status"] == "entered-in-error"
    settled = await bench.head()
    assert settled.resources["cancer-grade"].withdrawn
    assert {row.status for row in settled.rows} == {RowStatus.CURRENT}


@one_by_one
async def test_what_an_overtaken_writer_wrote_over_stands_again(bench):
    """It saw that the grade was not there, and writes it when another one has taken over and closed."""
    older = await bench.report(BREAST)
    cut = CutOff(
        bench.client, after=3
    )  # the head's reservation, a batch of reads, the announcement
    with pytest.raises(DependencyUnavailable):
        await bench.store()
    cut.mend()
    await bench.store(GRADE_3, "2", ANSWERS_3)
    grade = (await bench.stored())["cancer-grade"]
    plan = build(
        bench.repository.context(older, bench.run_of(older), (await bench.head()).document),
        bench.extraction(older, ANSWERS),
        1,
    )
    await bench.client.update(plan.resources["cancer-grade"])
    await bench.repository.roll_back_overtaken_writes(await bench.head())
    after = (await bench.stored())["cancer-grade"]
    assert after["valueCodeableConcept"] == grade["valueCodeableConcept"]
    processed = await bench.store(GRADE_3, "3", ANSWERS_3)
    assert processed.outcome.conflicts == 0


@one_by_one
async def test_it_costs_a_request_a_resource_and_a_few(bench):
    asked = []

    async def noted(request):
        asked.append(request.method)

    bench.client._transport._own.event_hooks["request"].append(noted)
    await bench.store()
    first = [
        "GET",
        "GET",
        "POST",
        "GET",
        "POST",
    ]  # a head? a reserved one? it is made; a batch of reads
    assert asked == [*first, *(["PUT"] * 14)], "announced, eleven, Provenance, closed"


@story
async def test_a_report_over_the_limit_is_refused_and_nothing_of_it_is_written(bench):
    small = await choose_strategy(bench.client, SYSTEMS, max_entries=12)
    repository = bench.new_repository(bench.client, strategy=small)
    with pytest.raises(RequestRejected) as caught:
        await bench.store(repository=repository)
    assert caught.value.reason is Reason.STORE_TOO_LARGE
    assert await of_this_patient(bench) == []
    assert await bench.head() is None
    processed = await bench.store()
    assert processed.outcome.revision == 1
