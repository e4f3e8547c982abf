"""A store behind a proxy that answers wrongly, late or never: what was committed is there once, what was not is not."""

import asyncio

import httpx2
import pytest

from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.decision import Decision, decide
from oncofhir.fhir.store.document_diff import report_version
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.outcome import OutcomeStatus
from tests.builders import BREAST
from tests.chaos.parts import Proxy
from tests.integration.fhir.document_store import ANSWERS, Bench

# Half of it is waited for an answer: HAPI FHIR may take more than a second for its CapabilityStatement.
HANG = 6.0
TRANSACTION = {"method": "POST", "path": "/fhir"}  # the first reserves the head, the second reads


@pytest.fixture(scope="module")
def proxy(fhir_server):
    with Proxy(fhir_server.base_url, share=0.0, hang_seconds=HANG, seed=1) as started:
        yield started


def tell(proxy, **what):
    told = {"share": 0.0, "method": None, "path": None} | what
    answer = httpx2.post(f"http://127.0.0.1:{proxy.port}/_proxy", json=told, trust_env=False)
    return answer.raise_for_status().json()


def told_at(proxy, fhir_server, test):
    """Run a story whose repository sits behind the proxy and gives up before it answers."""

    async def told():
        bench = Bench(proxy.base_url, behind=fhir_server.base_url)
        await bench.client.aclose()
        bench.client = FhirClient(proxy.base_url, timeout=HANG / 2)
        bench.repository = bench.new_repository(bench.client)
        try:
            await bench.prepare()
            await test(bench)
        finally:
            tell(proxy)
            await bench.aclose()

    asyncio.run(told())


async def decision(bench):
    report = await bench.report(BREAST)
    head = await bench.head()
    return decide(head, report.source, report_version(report), bench.run_of(report).id)


@pytest.mark.parametrize("fault", ["late-hang", "late-error"])
def test_a_time_out_after_the_commit_ends_as_once(proxy, fhir_server, fault):
    async def story(bench):
        tell(proxy, next=[None, None, fault], **TRANSACTION)
        with pytest.raises(OncofhirError) as caught:
            await bench.store()
        assert caught.value.transient
        tell(proxy)
        assert await decision(bench) is Decision.UNCHANGED, "it was done; redelivery writes nothing"
        assert set((await bench.versions()).values()) == {"1"}
        assert len(await bench.stored()) == 11

    told_at(proxy, fhir_server, story)


@pytest.mark.parametrize("fault", ["unavailable", "error-page", "hang", "empty-success"])
def test_what_was_not_committed_is_not_there_and_is_written_the_next_time(
    proxy, fhir_server, fault
):
    async def story(bench):
        tell(proxy, next=[None, None, fault], **TRANSACTION)
        with pytest.raises(OncofhirError):
            await bench.store()
        tell(proxy)
        assert await bench.head() is None, "reserved at most"
        patient = bench.new_repository(bench.itself)  # a busy server needs more than HANG / 2
        assert (await bench.store(repository=patient)).outcome.status is OutcomeStatus.FOUND
        assert set((await bench.versions()).values()) == {"1"}

    told_at(proxy, fhir_server, story)


def test_reads_are_tried_again(proxy, fhir_server):
    async def story(bench):
        tell(proxy, next=["unavailable", "error-page"], method="GET")
        assert (await bench.store()).outcome.status is OutcomeStatus.FOUND

    told_at(proxy, fhir_server, story)


def test_whatever_fails_half_of_the_time_three_versions_end_as_once(proxy, fhir_server):
    async def story(bench):
        tell(proxy, share=0.5, only=["unavailable", "error-page", "late-error"])
        for version, grade in (("1", "2"), ("2", "3"), ("3", "1")):
            text = BREAST.replace("grade 2", f"grade {grade}")
            for _ in range(60):
                try:
                    report = await bench.report(text, version)
                    head = await bench.repository.find_head(report.source, report)
                    run = bench.run_of(report).id
                    if (
                        decide(head, report.source, report_version(report), run)
                        is Decision.UNCHANGED
                    ):
                        break
                    await bench.store(text, version, ANSWERS | {"cancer grade": grade})
                except OncofhirError:
                    continue
        tell(proxy)
        head = await bench.head()
        assert (head.version.version, head.revision) == ("3", 3)
        versions = await bench.versions()
        assert versions["cancer-grade"] == "3"
        # condition and histology quote the sentence of the grade
        changed = {slot for slot, number in versions.items() if number != "1"}
        assert changed == {"cancer-grade", "diagnosis", "histological-type"}

    told_at(proxy, fhir_server, story)
