"""`oncofhir backfill export` and `search` on HAPI FHIR's JPA server, onto a real broker."""

import asyncio
import json

import httpx2
import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.fhir.rest.transport import Transport
from oncofhir.ingest.backfill.bulk_export.jobs import (
    ExportExpiredError,
    ExportJobs,
    ExportRequest,
)
from oncofhir.ingest.backfill.patience import Patience
from tests.hapi_fhir.server import HapiFhirServer
from tests.integration.consumers.worker_harness import read_all, settings_for
from tests.integration.ingest.backfill_kills import ended, run, start

_COUNT = 300
_TYPES = ("DiagnosticReport", "DocumentReference")


@pytest.fixture(scope="module")
def server():
    with HapiFhirServer(exports=True) as running:
        with httpx2.Client(timeout=60) as client:
            for start in range(0, _COUNT, 100):
                entries = [entry(number) for number in range(start, start + 100)]
                bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
                assert client.post(running.base_url, json=bundle).is_success
        yield running


def entry(number):
    kind = _TYPES[number % 3 == 0]
    made = {"resourceType": kind, "id": f"old-{number}", "status": "final"}
    if kind == "DocumentReference":
        made |= {"status": "current", "content": [{"attachment": {"title": "x"}}]}
    else:
        made["code"] = {"text": "x"}
    return {"resource": made, "request": {"method": "PUT", "url": f"{kind}/old-{number}"}}


@pytest.fixture
def new_settings(server, monkeypatch):
    """Settings with topics of their own, each time."""
    monkeypatch.setenv("ONCOFHIR_FHIR__BASE_URL", server.base_url)
    with EmbeddedBroker() as broker:

        def make():
            made = settings_for(broker.address, history=True)
            ensure_topics(made.kafka, partitions=2)
            return made

        yield make


def check(done, settings):
    assert done.returncode == 0, done.stderr
    expected = {"DiagnosticReport": {"final": 200}, "DocumentReference": {"current": 100}}
    assert done.summary["published_by_type"] == expected
    records = [r for topic in settings.kafka.backfill_topics for r in read_all(settings, topic)]
    assert len(records) == _COUNT
    contents = [json.loads(record.value) for record in records]
    assert {f"{c['resourceType']}/{c['id']}".encode() for c in contents} == {
        record.key for record in records
    }
    assert all(content["meta"]["versionId"] == "1" for content in contents)


def test_an_export_and_a_search_read_each_report_once(new_settings, tmp_path):
    # the export takes two minutes, because HAPI FHIR asks for that (Retry-After): the search runs meanwhile
    exporting, of_export = tmp_path / "export", new_settings()
    exporting.mkdir()
    process = start(["export"], of_export, exporting)
    # a transaction stores its resources within milliseconds: several share an instant
    of_search = new_settings()
    check(run(["search", "--page-size", "20"], of_search, tmp_path), of_search)
    done = ended(process, exporting)
    check(done, of_export)
    assert done.summary["export"]["removed_from_server"] is False  # it keeps finished exports
    assert done.summary["export"]["transaction_time"]


async def test_an_export_that_the_server_does_not_know_has_expired(server):
    transport = Transport(server.base_url)
    jobs = ExportJobs(transport, Patience(60), longest_poll=1.0)
    request = ExportRequest(types=("DiagnosticReport",), since="2016-01-01T00:00:00Z")
    try:
        status = await jobs.kick_off(request)
        async with asyncio.timeout(120):
            manifest = await jobs.manifest(status, print)
        assert manifest.requires_access_token
        assert {file.type for file in manifest.output} == {"DiagnosticReport"}
        assert not await jobs.delete(status)
        with pytest.raises(ExportExpiredError):
            await jobs.manifest(f"{server.base_url}/$export-poll-status?_jobId=absent", print)
    finally:
        await transport.aclose()


@pytest.fixture
def anyio_backend():
    return "asyncio"


pytestmark = pytest.mark.anyio
