"""`oncofhir backfill search` as a process against a real FHIR server, which pages by offset."""

import json
import threading

import httpx2
import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from tests.integration.consumers.worker_harness import read_all, settings_for
from tests.integration.ingest.backfill_kills import (
    environment_of,
    record_counter,
    resource,
    run,
    run_with_kills,
)

_COUNT = 240


@pytest.fixture
def server():
    with EmbeddedFhirServer() as running:
        yield running


@pytest.fixture
def topics(broker):
    made = settings_for(broker.address, history=True)
    ensure_topics(made.kafka, partitions=2)
    return made


@pytest.fixture
def settings(topics, server, monkeypatch):
    monkeypatch.setenv("ONCOFHIR_FHIR__BASE_URL", server.base_url)
    monkeypatch.setenv("ONCOFHIR_FHIR__SOURCE_BASE_URL", server.base_url)
    return topics


def write(server, resources):
    with httpx2.Client(timeout=30) as client:
        for each in resources:
            url = f"{server.base_url}/{each['resourceType']}/{each['id']}"
            assert client.put(url, json=each).is_success


def newest(settings):
    """The last version of each report on the topics, and how many records there are."""
    records = [r for topic in settings.kafka.backfill_topics for r in read_all(settings, topic)]
    found = {}
    for record in records:
        content = json.loads(record.value)
        assert record.key.decode() == f"{content['resourceType']}/{content['id']}"
        version = int(content["meta"]["versionId"])
        found[record.key] = max(version, found.get(record.key, 0))
    return found, len(records)


def test_everything_is_published_once_by_type_and_status(server, settings, tmp_path):
    write(server, [resource(number) for number in range(60)])
    counted = run(["search", "--dry-run"], settings, tmp_path)
    assert counted.returncode == 0, counted.stderr
    done = run(["search", "--page-size", "7"], settings, tmp_path)
    assert done.returncode == 0, done.stderr
    expected = {"DiagnosticReport": {"final": 40}, "DocumentReference": {"current": 20}}
    assert counted.summary["published_by_type"] == expected
    assert done.summary["published_by_type"] == expected
    assert newest(settings)[1] == 60


def test_a_search_is_narrowed_by_its_parameters(server, settings, tmp_path):
    write(server, [resource(number) | {"status": "amended"} for number in (1, 2)])
    write(server, [resource(4)])
    query = "DiagnosticReport?status=amended&_lastUpdated=ge2016"
    done = run(["search", query], settings, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.summary["published_by_type"] == {"DiagnosticReport": {"amended": 2}}


@pytest.mark.scenario
def test_kills_and_updates_meanwhile_lose_nothing(server, settings, tmp_path):
    write(server, [resource(number) for number in range(_COUNT)])
    updated = [resource(number) for number in range(0, _COUNT, 6)]
    updating = threading.Thread(target=write, args=(server, updated))
    arguments = ["search", "--page-size", "20", "--rate", "80/s"]
    updating.start()
    with record_counter(settings) as published:
        done, kills = run_with_kills(arguments, settings, tmp_path, [60, 150], published)
    updating.join()
    assert done.returncode == 0, done.stderr
    assert kills == 2
    found, records = newest(settings)
    assert len(found) == _COUNT
    repeated = records - _COUNT - len(updated)
    assert repeated <= kills * 20
    assert done.summary["read"] == done.summary["published"] + done.summary["read_again"]


def test_a_server_that_is_not_there_is_named_at_once(topics, tmp_path, monkeypatch):
    monkeypatch.setenv("ONCOFHIR_FHIR__SOURCE_BASE_URL", "http://127.0.0.1:9/fhir")
    done = run(["search"], topics, tmp_path)
    assert done.returncode == 3
    assert "store-unreachable" in done.stderr
    assert "BASE_URL" in done.stderr


def test_a_search_that_cannot_be_is_refused(topics, tmp_path, monkeypatch):
    monkeypatch.setenv("ONCOFHIR_FHIR__SOURCE_BASE_URL", "http://127.0.0.1:9/fhir")
    assert environment_of(topics)
    for query in ("Patient", "DiagnosticReport?_sort=date", "DiagnosticReport?_elements=id"):
        assert run(["search", query], topics, tmp_path).returncode == 2
