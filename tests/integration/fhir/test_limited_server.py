"""Servers that say that they lack transactions, batches, update-as-create or conditional create."""

import asyncio

import httpx2
import pytest

from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.decision import Decision, decide
from oncofhir.fhir.store.document_diff import report_version
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head_task import from_task
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected, StoreConflict
from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from oncofhir.schemas.reasons import Reason
from tests.builders import BREAST, CANARY
from tests.integration.fhir.document_store import ANSWERS, Bench, run
from tests.integration.fhir.interrupted_writes import CutOff, of_this_patient, tasks_of
from tests.integration.fhir.limited_server import lesser_server

AMENDED = BREAST.replace("HER2: negative (1+)", "HER2: positive (3+)")
ANSWERS_AMENDED = ANSWERS | {"hormone receptor status": "ER positive, PR negative, HER2 positive"}


@pytest.fixture(
    scope="module",
    params=[(True, True), (False, False)],
    ids=["no-transactions", "neither-ids-nor-conditions"],
)
def lesser(request, fhir_server):
    chooses_ids, conditional = request.param
    with lesser_server(fhir_server.base_url, chooses_ids=chooses_ids, conditional=conditional) as (
        url,
        server,
    ):
        server.behind = fhir_server.base_url
        server.chooses_ids = chooses_ids
        yield url, server


def story(test):
    def wrapped(lesser):
        url, server = lesser

        async def told():
            bench = Bench(url, behind=server.behind)
            bench.chooses_ids = server.chooses_ids
            bench.server = server
            try:
                await bench.prepare()
                server.refused.clear()
                await test(bench)
                assert server.refused == [], "what it says that it lacks is not tried"
            finally:
                server.rejects = None
                server.reverses = False
                await bench.aclose()

        run(told())

    wrapped.__name__ = test.__name__
    return wrapped


async def refers_to_itself(bench):
    """Every reference among the findings, Provenance and head is to something that is there."""
    stored = {f"{r['resourceType']}/{r['id']}": r for r in (await bench.stored()).values()}
    (task,) = await tasks_of(bench)
    (condition,) = (r for r in stored.values() if r["resourceType"] == "Condition")
    for stage in condition["stage"]:
        assert stage["assessment"][0]["reference"] in stored
    for resource in stored.values():
        for focus in resource.get("focus", []):
            assert focus["reference"] in stored
        if "device" in resource:
            kind, _, ident = resource["device"]["reference"].partition("/")
            assert await bench.client.read(kind, ident)
    findings = [o["valueReference"]["reference"] for o in task["output"] if "valueReference" in o]
    assert set(findings) == set(stored)
    (run_of,) = await bench.client.search("Provenance", {"target": f"Task/{task['id']}"})
    assert {t["reference"] for t in run_of["target"]} == {*stored, f"Task/{task['id']}"}
    return stored


@story
async def test_a_first_version_is_whole(bench):
    processed = await bench.store()
    stored = await refers_to_itself(bench)
    assert len(stored) == 11
    assert {row.resource for row in processed.rows} <= set(stored)
    assert (await bench.head()).published_rows == processed.rows
    versions = await bench.versions()
    assert {s for s, v in versions.items() if v != "1"} <= ({"diagnosis"} - {bench.chooses_ids})
    assert len(await of_this_patient(bench)) == 10


@story
async def test_an_amendment_changes_what_changed_and_nothing_else(bench):
    await bench.store()
    before = await bench.versions()
    processed = await bench.store(AMENDED, "2", ANSWERS_AMENDED)
    after = await bench.versions()
    assert {slot for slot in after if after[slot] != before[slot]} == {"hormone-receptor/HER2"}
    assert processed.outcome.conflicts == 0
    assert {row.revision for row in processed.rows} == {2}
    stored = await bench.stored()
    assert {row.resource for row in processed.rows} <= {
        f"{resource['resourceType']}/{resource['id']}" for resource in stored.values()
    }


@story
async def test_what_vanished_and_returned_is_itself(bench):
    await bench.store()
    before = await bench.stored()
    without = {q: a for q, a in ANSWERS.items() if q not in {"cancer grade", "diagnosis"}}
    processed = await bench.store(BREAST, "2", without)
    assert (await bench.stored())["cancer-grade"]["status"] == "entered-in-error"
    assert processed.outcome.conflicts == 0
    processed = await bench.store(BREAST, "3")
    after = await bench.stored()
    assert processed.outcome.conflicts == 0
    assert after["cancer-grade"]["status"] == "preliminary"
    assert {slot: r["id"] for slot, r in after.items()} == {s: r["id"] for s, r in before.items()}


@story
async def test_a_retraction_withdraws_all(bench):
    await bench.store()
    head = await bench.head()
    at = head.version.model_copy(update={"version": "2", "status": "entered-in-error"})
    source = head.source.model_copy(update={"version": "2"})
    processed = await bench.repository.retract(source, at, Reason.ENTERED_IN_ERROR, head)
    assert processed.outcome.status is OutcomeStatus.RETRACTED
    assert {row.status for row in processed.rows} == {RowStatus.WITHDRAWN}
    stored = (await bench.stored())["cancer-grade"]
    assert stored["status"] == "entered-in-error"
    runs = await bench.client.search("Provenance", {"target": f"Observation/{stored['id']}"})
    (why,) = [r for r in runs if r["activity"]["coding"][0]["code"] == "deprecate"]
    (assembler,) = why["agent"]
    assert await bench.client.read(*assembler["who"]["reference"].split("/"))


@story
async def test_what_a_human_edited_is_left_alone(bench):
    await bench.store()
    grade = (await bench.stored())["cancer-grade"]
    await bench.client.update(grade | {"status": "final"})
    without = {q: a for q, a in ANSWERS.items() if q != "cancer grade"}
    processed = await bench.store(BREAST, "2", without)
    assert processed.outcome.conflicts == 1
    assert (await bench.stored())["cancer-grade"]["status"] == "final"


@story
async def test_of_two_first_writers_one_wins(bench):
    other = FhirClient(bench.base_url)
    report = await bench.report(BREAST)
    extraction = bench.extraction(report, ANSWERS)
    await bench.at_once(
        bench.repository.store(report, bench.run_of(report), extraction, None),
        bench.new_repository(other).store(report, bench.run_of(report), extraction, None),
    )
    await other.aclose()
    assert len([task for task in await tasks_of(bench) if task["status"] == "completed"]) == 1
    await each_stands_once(bench)


async def each_stands_once(bench):
    """What two writers both created stands once, and it is what the head knows; nothing is deleted."""
    head = await bench.head()
    assert (head.write_in_progress, head.outcome.conflicts) == (False, 0)
    standing = [r for r in await of_this_patient(bench) if not is_withdrawn(r)]
    known = {head.server_reference(stored.reference) for stored in head.resources.values()}
    assert {f"{r['resourceType']}/{r['id']}" for r in standing} <= known
    assert len(standing) == 10
    (condition,) = (r for r in standing if r["resourceType"] == "Condition")
    assert {stage["assessment"][0]["reference"] for stage in condition["stage"]} <= known
    processed = await bench.store(AMENDED, "2", ANSWERS_AMENDED)
    assert processed.outcome.conflicts == 0, "no machine's write is taken for a human's edit"


class Pause:
    """A writer waits before it writes a resource of a kind: the first one, which it has looked for in vain.

    Or before the one after so many.
    """

    def __init__(self, client, kind, then, *, after=0):
        self.kind, self.then, self.left = kind, then, after
        client._transport._own.event_hooks["request"].append(self._sent)

    async def _sent(self, request):
        if request.method in {"POST", "PUT"} and self.kind in request.url.path and self.then:
            if self.left:
                self.left -= 1
                return
            then, self.then = self.then, None
            await then()


async def what_a_writer_that_was_overtaken_creates_late(bench, kind):
    """It does not stand beside what the one that closed the head wrote."""
    report = await bench.report(BREAST)
    extraction = bench.extraction(report, ANSWERS)
    other = FhirClient(bench.base_url)
    faster = bench.new_repository(other)
    Pause(bench.client, kind, lambda: faster.store(report, bench.run_of(report), extraction, None))
    with pytest.raises(StoreConflict):
        await bench.repository.store(report, bench.run_of(report), extraction, None)
    await other.aclose()
    await each_stands_once(bench)


async def what_a_writer_created_twice(bench, kind, *, until=None):
    """What the first one created while another took over does not stand beside what that one did.

    The other waits before it creates its own, or `until` it is about to write another kind a second time.
    """
    report = await bench.report(BREAST)
    extraction = bench.extraction(report, ANSWERS)
    other = FhirClient(bench.base_url)
    second = bench.new_repository(other)
    is_there, first_ended = asyncio.Event(), asyncio.Event()
    taking_over = []

    async def let_another_take_over():
        storing = second.store(report, bench.run_of(report), extraction, None)
        taking_over.append(asyncio.create_task(storing))
        await is_there.wait()

    async def wait_for_the_first():
        is_there.set()
        await first_ended.wait()

    Pause(bench.client, kind, let_another_take_over)
    Pause(other, until or kind, wait_for_the_first, after=1 if until else 0)
    with pytest.raises(StoreConflict):
        await bench.repository.store(report, bench.run_of(report), extraction, None)
    first_ended.set()
    await taking_over[0]
    await other.aclose()
    await each_stands_once(bench)


class CutOffAtItsHead:
    """The connection is gone when a writer has declared what it writes, written it, and closes its head."""

    def __init__(self, client):
        self.puts = 0
        client._transport._own.event_hooks["request"].append(self._sent)

    async def _sent(self, request):
        if request.method == "PUT" and "/Task" in request.url.path:
            self.puts += 1
            if self.puts > 1:
                raise httpx2.ConnectError("cut off")


async def what_two_writers_left_unfinished(bench, kind, *, reverses=False):
    """Both created one, and neither closed the head: what refers to either is no human's edit."""
    bench.server.reverses = reverses
    report = await bench.report(BREAST)
    extraction = bench.extraction(report, ANSWERS)
    other = FhirClient(bench.base_url)
    second = bench.new_repository(other)
    CutOffAtItsHead(other)

    async def let_another_take_over_and_die():
        with pytest.raises(DependencyUnavailable):
            await second.store(report, bench.run_of(report), extraction, None)

    Pause(bench.client, kind, let_another_take_over_and_die)
    with pytest.raises(StoreConflict):
        await bench.repository.store(report, bench.run_of(report), extraction, None)
    await other.aclose()
    await bench.store()
    await each_stands_once(bench)


HER2 = b"48676-1"  # the code of one of the last that are written


async def stand(bench):
    return [r for r in await of_this_patient(bench) if not is_withdrawn(r)]


@story
async def test_of_a_report_of_which_one_resource_is_rejected_nothing_stands(bench):
    """Issue 5, "Bad input": nothing half-written, the reason in the dead letter."""
    bench.server.rejects = HER2
    with pytest.raises(RequestRejected) as caught:
        await bench.store()
    assert caught.value.reason is Reason.STORE_REJECTED
    assert CANARY not in str(caught.value)
    assert await stand(bench) == []
    assert await bench.head() is None
    with pytest.raises(RequestRejected):
        await bench.store()
    assert await stand(bench) == []
    bench.server.rejects = None
    processed = await bench.store()
    assert (processed.outcome.revision, processed.outcome.conflicts) == (1, 0)
    assert len(await stand(bench)) == 10
    (task,) = await tasks_of(bench)
    assert task["status"] == "completed"


@story
async def test_of_an_amendment_of_which_one_resource_is_rejected_the_version_before_stands(bench):
    await bench.store()
    before = {slot: fingerprint(r) for slot, r in (await bench.stored()).items()}
    bench.server.rejects = HER2
    amended = AMENDED.replace("grade 2", "grade 3")
    answers = ANSWERS_AMENDED | {"cancer grade": "3"}
    with pytest.raises(RequestRejected):
        await bench.store(amended, "2", answers)
    assert {slot: fingerprint(r) for slot, r in (await bench.stored()).items()} == before
    head = await bench.head()
    assert (head.version.version, head.write_in_progress) == ("1", False)
    (task,) = await tasks_of(bench)
    assert task["status"] == "completed"
    bench.server.rejects = None
    processed = await bench.store(amended, "2", answers)
    assert (processed.outcome.revision, processed.outcome.conflicts) == (2, 0)
    assert (await bench.head()).intents == ()


def _of_kind(test, kind, **arguments):
    @story
    async def of_kind(bench):
        await test(bench, kind, **arguments)

    return of_kind


test_a_condition_created_late = _of_kind(
    what_a_writer_that_was_overtaken_creates_late, "/Condition"
)
test_an_observation_created_late = _of_kind(
    what_a_writer_that_was_overtaken_creates_late, "/Observation"
)
test_a_condition_created_twice = _of_kind(what_a_writer_created_twice, "/Condition")
test_an_observation_created_twice = _of_kind(what_a_writer_created_twice, "/Observation")
test_a_condition_created_while_the_other_closes_the_head = _of_kind(
    what_a_writer_created_twice, "/Condition", until="/Task"
)
test_a_condition_left_twice = _of_kind(what_two_writers_left_unfinished, "/Condition")
test_a_condition_left_twice_and_found_the_other_way_round = _of_kind(
    what_two_writers_left_unfinished, "/Condition", reverses=True
)
test_an_observation_left_twice = _of_kind(what_two_writers_left_unfinished, "/Observation")


def is_withdrawn(resource):
    status = resource.get("status") or resource["verificationStatus"]["coding"][0]["code"]
    return status == "entered-in-error"


def _cut_off_after(writes):
    @story
    async def test(bench):
        cut = CutOff(bench.client, after=writes)
        with pytest.raises(DependencyUnavailable):
            await bench.store()
        cut.mend()
        assert await bench.head() is None
        (task,) = await tasks_of(bench)
        assert task["status"] == "in-progress"
        processed = await bench.store()
        assert (processed.outcome.revision, processed.outcome.conflicts) == (1, 0)
        assert len(await of_this_patient(bench)) == 10, "no finding is there twice"
        await refers_to_itself(bench)
        report, head = await bench.report(BREAST), await bench.head()
        at, run_id = report_version(report), bench.run_of(report).id
        assert decide(head, report.source, at, run_id) is Decision.UNCHANGED
        assert from_task((await tasks_of(bench))[0]).intents == ()

    return test


test_a_writer_cut_off_after_two_findings_is_healed = _cut_off_after(4)
test_a_writer_cut_off_before_its_end_is_healed = _cut_off_after(11)


def test_a_server_that_gives_ids_but_looks_for_what_is_there_is_asked_to(fhir_server):
    with lesser_server(fhir_server.base_url, chooses_ids=False) as (url, server):

        async def told():
            bench = Bench(url, behind=fhir_server.base_url)
            await bench.prepare()
            server.refused.clear()
            await bench.store()
            await refers_to_itself(bench)
            assert server.refused == []
            await bench.aclose()

        run(told())
