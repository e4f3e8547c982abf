"""`oncofhir review watch|agreement|export` and `reconcile`, from the outside, after a real run."""

import json
from types import SimpleNamespace

import httpx2
import pytest

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.run import Demo, Record
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import BREAST, CANARY, pathology_report
from tests.command import run_here
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT

VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


@pytest.fixture(scope="module")
def stack():
    """One report that was processed, and that its source still shows."""
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel(SCRIPT) as model:
        environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_KAFKA__GROUP_ID": "oncofhir-demo",
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": model.url,
        }
        made = SimpleNamespace(broker=broker, fhir=fhir, model=model, environment=environment)
        report = pathology_report("r-1", BREAST)
        with Demo(made, lambda _: None) as demo:
            demo.run([Record(raw=json.dumps(report).encode(), resource=report)], [PATIENT])
        with httpx2.Client(base_url=fhir.base_url, trust_env=False) as http:
            http.put("/DiagnosticReport/r-1", json=report)
            made.http = http
            yield made


@pytest.fixture(scope="module")
def command(stack, tmp_path_factory):
    index = tmp_path_factory.mktemp("review") / "index.sqlite"
    environment = stack.environment | {"ONCOFHIR_WORKLIST__INDEX_FILE": str(index)}

    def run(*arguments, status=0, **more):
        ran = run_here(*arguments, environment=environment | more)
        assert ran.returncode == status, (ran.stdout, ran.stderr)
        assert CANARY.encode() not in ran.stdout + ran.stderr
        return [json.loads(line) for line in ran.stdout.splitlines()]

    return run


def refute_condition(http):
    condition = http.get("/Condition").json()["entry"][0]["resource"]
    status = {"coding": [{"system": VERIFICATION, "code": "refuted"}]}
    answer = http.put(
        f"/Condition/{condition['id']}", json=condition | {"verificationStatus": status}
    )
    assert answer.status_code == 200


@pytest.mark.scenario
def test_from_an_edit_in_the_ehr_to_an_example_for_evaluate(stack, command, tmp_path):
    (first,) = command("review", "watch", "--once")
    assert (first["edited"], first["rows"]) == (0, 0)
    command("reconcile", "--late", "0", "--edits")

    refute_condition(stack.http)
    *found, _ = command("reconcile", "--late", "0", "--edits", status=1)
    assert {one["problem"] for one in found} == {"edit-unread"}

    (counts,) = command("review", "watch", "--once")
    assert (counts["edited"], counts["rows"]) == (1, 3)
    (again,) = command("review", "watch", "--once")
    assert (again["edited"], again["rows"]) == (0, 0)
    command("reconcile", "--late", "0", "--edits")

    agreement = {one["kind"]: one for one in command("review", "agreement", "--json")}
    assert agreement["diagnosis"]["refuted"] == 1
    assert agreement["tumor-size"]["unreviewed"] == 1

    for chosen in ("labels", "cases"):
        file = tmp_path / f"{chosen}.jsonl"
        (written,) = command("review", "export", str(file), "--format", chosen)
        assert written["reports"] == 1
        assert file.stat().st_mode & 0o077 == 0
        command("evaluate", str(file), "--model", "rules", "--json")


def test_a_verdict_that_the_topic_lacks_is_told_by_reconcile(stack, command):
    """The watch has no broker: the head has the review, and nothing is published."""
    observation = next(
        entry["resource"]
        for entry in stack.http.get("/Observation").json()["entry"]
        if entry["resource"]["status"] == "preliminary"
    )
    stack.http.put(f"/Observation/{observation['id']}", json=observation | {"status": "final"})
    environment = {k: v for k, v in stack.environment.items() if "KAFKA" not in k}
    ran = run_here("review", "watch", "--once", environment=environment)
    assert ran.returncode == 0, ran.stderr
    assert b"no rows are published" in ran.stderr
    *found, _ = command("reconcile", "--late", "0", status=1)
    assert {one["problem"] for one in found} == {"review-unpublished"}


def test_failures_have_their_exit_status(command, tmp_path):
    nowhere = {"ONCOFHIR_FHIR__BASE_URL": "http://127.0.0.1:1/fhir"}
    index = {"ONCOFHIR_WORKLIST__INDEX_FILE": str(tmp_path / "other.sqlite")}
    command("review", "watch", "--once", status=3, **nowhere, **index)
    command("review", "export", str(tmp_path / "no" / "such" / "folder"), status=2)
    command("review", "agreement", "--since", "yesterday", status=2)
    command("review", "agreement", "--since", "2026-02-01", "--until", "2026-01-01", status=2)
    command("review", "agreement", status=2, ONCOFHIR_WORKLIST__INDEX_FILE=str(tmp_path))
    command("reconcile", "--edits", "--no-heads", status=2)
