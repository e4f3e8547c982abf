"""`oncofhir reconcile` after a real run: clean, and then with one thing wrong at a time."""

import json
from types import SimpleNamespace

import httpx2
import pytest
from kafka import KafkaProducer

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.run import Demo, Record
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import BREAST, CANARY, pathology_report
from tests.command import run_here, run_process
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT

GROUP = "oncofhir-demo"


def reconcile(environment, *arguments, status):
    ran = run_here(
        "reconcile", *arguments, environment=environment | {"ONCOFHIR_KAFKA__GROUP_ID": GROUP}
    )
    assert ran.returncode == status, (ran.stdout, ran.stderr)
    assert CANARY.encode() not in ran.stdout + ran.stderr
    *found, last = map(json.loads, ran.stdout.splitlines())
    return found, last["summary"]


def records():
    good = pathology_report("r-1", BREAST)
    broken = json.dumps(good).encode()[:200]
    return [Record(raw=json.dumps(good).encode(), resource=good), Record(raw=broken)]


def head_of(fhir):
    tasks = httpx2.get(f"{fhir.base_url}/Task?_count=10", trust_env=False).json()
    return tasks["entry"][0]["resource"]


@pytest.mark.scenario
def test_a_clean_run_and_what_is_found_when_it_is_not():
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel(SCRIPT) as model:
        environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": model.url,
        }
        stack = SimpleNamespace(broker=broker, fhir=fhir, model=model, environment=environment)
        with Demo(stack, lambda _: None) as demo:
            demo.run(records(), [PATIENT])
        found, summary = reconcile(environment, "--since", "2026-01-01", status=0)
        assert found == []
        assert (summary["records"], summary["accounted"], summary["heads"]) == (2, 2, 1)
        assert summary["dead-lettered"] == 1
        found, summary = reconcile(environment, "--since", "2100-01-01", status=0)
        assert (found, summary.get("records", 0)) == ([], 0)

        waiting = pathology_report("r-2", BREAST)
        producer = KafkaProducer(bootstrap_servers=broker.address)
        sent = producer.send("fhir.diagnostic-report", json.dumps(waiting).encode(), b"r-2")
        at = sent.get(timeout=30)
        producer.close()
        found, summary = reconcile(environment, status=0)
        assert (found, summary["pending"]) == ([], 1)
        found, _ = reconcile(environment, "--late", "0", "--no-heads", status=1)
        assert [(x["problem"], x["partition"], x["offset"]) for x in found] == [
            ("overdue", at.partition, at.offset)
        ]

        task = head_of(fhir)
        state = task["output"][-1]
        said = json.loads(state["valueString"])
        said["outcome"]["source_version"] = "7"
        state["valueString"] = json.dumps(said)
        url = f"{fhir.base_url}/Task/{task['id']}"
        assert httpx2.put(url, json=task, trust_env=False).is_success
        found, _ = reconcile(environment, "--late", "0", status=1)
        assert ("unpublished", said["document"]) in [
            (x["problem"], x.get("document")) for x in found
        ]


def test_a_broker_that_is_not_there_is_status_3():
    environment = {"ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    ran = run_process("reconcile", environment=environment)
    assert ran.returncode == 3, ran.stderr
    assert b"Traceback" not in ran.stderr


def test_a_time_range_that_ends_before_it_begins_is_status_2():
    ran = run_here("reconcile", "--since=2026-02-01", "--until=2026-01-01")
    assert ran.returncode == 2, ran.stderr
    assert b"--since must be before --until" in ran.stderr
