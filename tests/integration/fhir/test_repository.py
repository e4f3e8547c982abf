"""The repository against a real FHIR server: versions, amendments, retractions, people, races."""

import asyncio
import itertools

import httpx2
import pytest

from oncofhir.fhir.changes import version_of
from oncofhir.fhir.client import FhirClient
from oncofhir.fhir.head import Decision, decide
from oncofhir.fhir.intake import read_report
from oncofhir.fhir.limits import IntakeLimits
from oncofhir.fhir.reading import Companions
from oncofhir.fhir.repository import Repository
from oncofhir.fhir.version import version_in
from oncofhir.inference.interpret import interpret
from oncofhir.schemas.errors import StoreConflict
from oncofhir.schemas.extraction import Answer, Extraction, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.identity import run_of
from oncofhir.schemas.outcome import OutcomeStatus, RowStatus
from oncofhir.schemas.reasons import Reason
from tests.reports import BREAST, diagnostic_report

MODEL = ModelIdentity(name="m", digest="d", server="test")
PROMPTS = PromptSetIdentity(name="p", version="1", sha256="s")
ANSWERS = {
    "tumor size": "2.3 x 1.8 x 1.5 cm",
    "tumor site": "breast",
    "tumor laterality": "left",
    "histological type": "invasive ductal carcinoma",
    "cancer grade": "2",
    "cancer stage": "pT2 pN1a, stage IIB",
    "hormone receptor status": "ER positive, PR negative, HER2 negative",
    "diagnosis": "breast cancer",
}
_idents = (f"repo-{n}" for n in itertools.count())


def run(coroutine):
    return asyncio.run(coroutine)


class Bench:
    """One document in one event loop, so that each test reads as a story."""

    def __init__(self, base_url: str) -> None:
        self.client = FhirClient(base_url)
        self.base_url = base_url
        self.ident = next(_idents)
        self.repository = self.new_repository(self.client)

    def new_repository(self, client: FhirClient) -> Repository:
        return Repository(
            client,
            source_name="test",
            identifier_system="https://test.example/sid",
            organization="test",
            software_version="1",
        )

    async def report(self, text: str, version: str = "1", ident: str | None = None):
        resource = diagnostic_report(ident or self.ident, text, version=version, patient=self.ident)
        return await read_report(resource, Companions(()), IntakeLimits())

    def extraction(self, report, answers):
        given = tuple(
            Answer(question=q, text=a, finish_reason="eos_token") for q, a in answers.items()
        )
        findings, rejected = interpret(report, given)
        return Extraction(model=MODEL, prompt_set=PROMPTS, findings=findings, rejected=rejected)

    def run_of(self, report):
        return run_of(report, MODEL, PROMPTS, "x", "1", "1")

    async def store(self, text: str = BREAST, version: str = "1", answers=None, repository=None):
        repository = repository or self.repository
        report = await self.report(text, version)
        head = await repository.find_head(report.source, report)
        extraction = self.extraction(report, ANSWERS if answers is None else answers)
        return await repository.store(report, self.run_of(report), extraction, head)

    async def head(self):
        return await self.repository.find_head((await self.report(BREAST)).source)

    async def stored(self) -> dict[str, dict]:
        found = {}
        head = await self.head()
        for slot, known in head.resources.items():
            kind, _, ident = known.reference.partition("/")
            found[slot] = await self.client.read(kind, ident)
        return found

    async def versions(self) -> dict[str, str]:
        return {slot: r["meta"]["versionId"] for slot, r in (await self.stored()).items()}


def story(test):
    """Run an async test with a bench of its own."""

    def wrapped(fhir_server):
        async def told():
            bench = Bench(fhir_server.base_url)
            try:
                await test(bench)
            finally:
                await bench.client.aclose()

        run(told())

    wrapped.__name__ = test.__name__
    return wrapped


@story
async def test_first_version_writes_everything_once(bench):
    processed = await bench.store()
    assert processed.outcome.status is OutcomeStatus.FOUND
    assert set((await bench.versions()).values()) == {"1"}
    assert len(await bench.stored()) == 11, "condition, specimen, 9 observations"


@story
async def test_the_same_run_is_recognised_and_its_rows_are_rebuilt(bench):
    processed = await bench.store()
    report = await bench.report(BREAST)
    head = await bench.head()
    run_id = bench.run_of(report).id
    assert decide(head, report.source, version_of(report), run_id) is Decision.SAME
    again = bench.repository.republished(head)
    assert again.rows == processed.rows
    assert again.outcome == processed.outcome


@story
async def test_an_amended_report_changes_what_changed_and_nothing_else(bench):
    await bench.store()
    amended = BREAST.replace("HER2: negative (1+)", "HER2: positive (3+)")
    answers = ANSWERS | {"hormone receptor status": "ER positive, PR negative, HER2 positive"}
    processed = await bench.store(amended, "2", answers)
    changed = {slot for slot, version in (await bench.versions()).items() if version != "1"}
    assert changed == {"hormone-receptor/HER2"}
    assert {row.revision for row in processed.rows} == {2}


@story
async def test_what_vanished_is_entered_in_error_and_revives_as_itself(bench):
    await bench.store()
    without = {q: a for q, a in ANSWERS.items() if q not in {"cancer grade", "diagnosis"}}
    processed = await bench.store(BREAST, "2", without)
    stored = await bench.stored()
    assert stored["cancer-grade"]["status"] == "entered-in-error"
    condition = stored["diagnosis"]
    assert condition["verificationStatus"]["coding"][0]["code"] == "entered-in-error"
    assert "clinicalStatus" not in condition, "con-5"
    withdrawn = {row.kind for row in processed.rows if row.status is RowStatus.WITHDRAWN}
    assert {"cancer-grade", "diagnosis"} <= {kind.value for kind in withdrawn}
    await bench.store(BREAST, "3")
    revived = await bench.stored()
    assert revived["cancer-grade"]["status"] == "preliminary"
    assert revived["cancer-grade"]["id"] == stored["cancer-grade"]["id"]
    assert revived["diagnosis"]["clinicalStatus"]["coding"][0]["code"] == "active"


@story
async def test_nothing_found_is_accounted_for(bench):
    processed = await bench.store(answers={})
    assert processed.outcome.status is OutcomeStatus.NOTHING_FOUND
    assert (await bench.head()).outcome.findings == 0


@story
async def test_a_retraction_withdraws_all_and_deletes_nothing(bench):
    await bench.store()
    at = version_in(diagnostic_report(bench.ident, BREAST, version="2", status="entered-in-error"))
    head = await bench.head()
    source = head.source.model_copy(update={"version": "2"})
    processed = await bench.repository.retract(source, at, Reason.ENTERED_IN_ERROR, head)
    assert processed.outcome.status is OutcomeStatus.RETRACTED
    assert {row.status for row in processed.rows} == {RowStatus.WITHDRAWN}
    for slot, resource in (await bench.stored()).items():
        if slot != "specimen":
            status = resource.get("status") or resource["verificationStatus"]["coding"][0]["code"]
            assert status == "entered-in-error"


@story
async def test_an_older_version_is_stale(bench):
    await bench.store(version="3")
    report = await bench.report(BREAST, "2")
    head = await bench.head()
    assert decide(head, report.source, version_of(report), "another-run") is Decision.STALE


@story
async def test_an_unreadable_newer_version_leaves_findings_marked_outdated(bench):
    await bench.store()
    before = await bench.versions()
    head = await bench.head()
    at = head.at.model_copy(update={"version": "2"})
    processed = await bench.repository.outdate(head.source, at, Reason.EMPTY_ATTACHMENT, head)
    assert await bench.versions() == before
    assert {row.status for row in processed.rows} == {RowStatus.OUTDATED}
    assert (await bench.head()).outcome.status is OutcomeStatus.OUTDATED


@story
async def test_the_same_attachment_in_another_resource_is_an_alias(bench):
    await bench.store()
    before = await bench.versions()
    other = await bench.report(BREAST, ident=f"{bench.ident}-docref")
    head = await bench.repository.find_head(other.source, other)
    assert head is not None
    assert decide(head, other.source, version_of(other), "run") is Decision.ALIAS
    await bench.repository.alias(head, other.source)
    known = await bench.repository.find_head(other.source)
    assert known is not None
    assert known.document == head.document
    assert await bench.versions() == before


@story
async def test_what_a_human_edited_is_left_alone_and_reported(bench):
    await bench.store()
    grade = (await bench.stored())["cancer-grade"]
    grade["status"] = "final"
    await bench.client.put(grade)
    processed = await bench.store(
        BREAST.replace("grade 2", "grade 3"), "2", ANSWERS | {"cancer grade": "3"}
    )
    after = (await bench.stored())["cancer-grade"]
    assert after["status"] == "final"
    assert after["valueCodeableConcept"]["text"] == "Nottingham grade 2"
    assert processed.outcome.conflicts == 1
    assert [r.status for r in processed.rows if r.kind == "cancer-grade"] == [
        RowStatus.HUMAN_EDITED
    ]


@story
async def test_a_changed_subject_is_no_edit(bench):
    await bench.store()
    merged = (await bench.stored())["cancer-grade"]
    merged["subject"] = {"reference": "Patient/merged"}
    await bench.client.put(merged)
    processed = await bench.store(
        BREAST.replace("grade 2", "grade 3"), "2", ANSWERS | {"cancer grade": "3"}
    )
    assert processed.outcome.conflicts == 0


@story
async def test_of_two_first_writers_one_wins_and_the_other_is_told(bench):
    other_client = FhirClient(bench.base_url)
    other = bench.new_repository(other_client)
    report = await bench.report(BREAST)
    extraction = bench.extraction(report, ANSWERS)
    results = await asyncio.gather(
        bench.repository.store(report, bench.run_of(report), extraction, None),
        other.store(report, bench.run_of(report), extraction, None),
        return_exceptions=True,
    )
    await other_client.aclose()
    lost = [result for result in results if isinstance(result, StoreConflict)]
    assert len(lost) == 1
    tasks = httpx2.get(f"{bench.base_url}/Task?_count=500", trust_env=False).json()["entry"]
    mine = [t for t in tasks if t["resource"]["focus"]["reference"].endswith(f"/{bench.ident}")]
    assert len(mine) == 1


@story
async def test_a_late_writer_cannot_overwrite_a_newer_head(bench):
    await bench.store()
    late = await bench.head()
    await bench.store(BREAST.replace("grade 2", "grade 3"), "2", ANSWERS | {"cancer grade": "3"})
    report = await bench.report(BREAST)
    with pytest.raises(StoreConflict):
        await bench.repository.store(
            report, bench.run_of(report), bench.extraction(report, {}), late
        )
