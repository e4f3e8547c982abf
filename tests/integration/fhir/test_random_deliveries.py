"""Three versions of a report, three writers at once, each cut off somewhere: in the end all is as it should be."""

import asyncio
import random
from collections import Counter

import pytest

from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.decision import Decision, decide
from oncofhir.fhir.store.document_diff import report_version
from oncofhir.schemas.errors import DependencyUnavailable, StoreConflict
from oncofhir.schemas.reasons import Reason
from tests.builders import BREAST
from tests.integration.fhir.document_store import ANSWERS, Bench, run
from tests.integration.fhir.interrupted_writes import CutOff, of_this_patient, tasks_of
from tests.integration.fhir.limited_server import lesser_server

POSITIVE = {"hormone receptor status": "ER positive, PR negative, HER2 positive"}
VERSIONS = {
    "1": (BREAST, ANSWERS),
    "2": (BREAST.replace("grade 2", "grade 3"), ANSWERS | {"cancer grade": "3"}),
    "3": (
        BREAST.replace("HER2: negative (1+)", "HER2: positive (3+)"),
        {q: a for q, a in ANSWERS.items() if q not in {"tumor size", "cancer grade"}} | POSITIVE,
    ),
}
WRITES = [0, 1, 2, 3, 5, 8, 10, 12, 13, 14, 15, 16, 17, 40, 40]


async def deliver(bench, repository, version):
    """As the pipeline does."""
    text, answers = VERSIONS[version]
    report = await bench.report(text, version)
    this_run, extraction = bench.run_of(report), bench.extraction(report, answers)
    for _ in range(6):
        try:
            head = await repository.find_head(report.source, report)
            decision = decide(head, report.source, report_version(report), this_run.id)
            if head is None or decision is Decision.UPDATE:
                await repository.store(report, this_run, extraction, head)
            else:
                await repository.roll_back_overtaken_writes(head)
        except StoreConflict:
            await asyncio.sleep(0.02)
        else:
            return
    raise StoreConflict(Reason.STORE_CONFLICT)


async def at_random(bench, clients, chance):
    """Deliver all versions at once, four times, with cut-offs; and once more in peace."""
    repositories = [bench.new_repository(client) for client in clients]
    for repository in repositories:
        await repository.ensure_shared_resources(
            bench.run_of(await bench.report(BREAST)), "prompts"
        )

    async def tried(number, version):
        cut = CutOff(clients[number], after=chance.choice(WRITES))
        try:
            await asyncio.sleep(chance.random() / 5)
            await deliver(bench, repositories[number], version)
        except (DependencyUnavailable, StoreConflict):
            return
        finally:
            cut.mend()

    for _ in range(4):
        order = chance.sample(list(VERSIONS), 3)
        await asyncio.gather(*(tried(number, version) for number, version in enumerate(order)))
    for version in chance.sample(list(VERSIONS), 3):
        await deliver(bench, repositories[0], version)


def is_withdrawn(resource):
    status = resource.get("status") or resource["verificationStatus"]["coding"][0]["code"]
    return status == "entered-in-error"


@pytest.mark.scenario
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("chooses_ids", [True, False], ids=["our-ids", "the-server-s-ids"])
def test_what_stands_is_the_newest_version_and_nothing_twice(fhir_server, chooses_ids, seed):
    chance = random.Random(seed)

    async def told(url):
        bench = Bench(url, behind=fhir_server.base_url)
        clients = [FhirClient(url, read_attempts=1) for _ in VERSIONS]
        try:
            await bench.prepare()
            await at_random(bench, clients, chance)
            await check(bench)
        finally:
            for client in clients:
                await client.aclose()
            await bench.aclose()

    with lesser_server(fhir_server.base_url, chooses_ids=chooses_ids) as (url, _):
        run(told(url))


async def check(bench):
    head = await bench.head()
    assert (head.version.version, head.outcome.conflicts, head.write_in_progress) == ("3", 0, False)
    found = await of_this_patient(bench)
    twice = Counter(resource["identifier"][0]["value"] for resource in found)
    assert set(twice.values()) == {1}
    standing = {f"{r['resourceType']}/{r['id']}" for r in found if not is_withdrawn(r)}
    known = {head.server_reference(r.reference) for r in head.resources.values() if not r.withdrawn}
    assert standing == {name for name in known if not name.startswith("Specimen/")}
    tasks = [task["status"] for task in await tasks_of(bench)]
    assert sorted({*tasks} - {"cancelled"}) == ["completed"]
    assert tasks.count("completed") == 1
