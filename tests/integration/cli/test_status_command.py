"""`oncofhir status` on a real worker and broker, and what it and its siblings look like on a terminal."""

import json
from types import SimpleNamespace

import pytest

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.run import Demo
from oncofhir.testing.scripted_model import ScriptedModel
from tests.builders import CANARY
from tests.command import run_here, run_on_terminal, run_process
from tests.integration.scenarios.test_main_job import PATIENT, SCRIPT, records


@pytest.fixture(scope="module")
def parts():
    with EmbeddedBroker() as broker, EmbeddedFhirServer() as fhir, ScriptedModel(SCRIPT) as model:
        environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": model.url,
        }
        stack = SimpleNamespace(broker=broker, fhir=fhir, model=model, environment=environment)
        with Demo(stack, lambda _: None) as demo:
            demo.run(records(), [PATIENT])
            yield demo


def status(demo, *options):
    url = f"http://127.0.0.1:{demo.http_port}"
    return run_process("status", "--url", url, *options, environment=demo.environment)


@pytest.mark.scenario
def test_an_installation_that_is_well_in_ten_lines(parts):
    ended = status(parts)
    lines = ended.stdout.decode().splitlines()
    assert ended.returncode == 0, ended.stderr
    assert lines[0] == "No problems found"
    assert len(lines) <= 10
    assert any("1 of 1 ready" in line for line in lines)
    assert any("2 dead-lettered" in line for line in lines)
    assert CANARY.encode() not in ended.stdout + ended.stderr


@pytest.mark.parametrize("columns", [80, 40])
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("status", ["No problems found", "dead letters, 1 h"]),
        ("topics check", ["replication: 1; wanted: 3 or more", "topics: fhir.diagnostic-report,"]),
        ("reconcile", ["Every report is accounted for:"]),
        ("dead-letters list", ["not-json (decode, 1 attempt)"]),
        ("review agreement", ["Site ehr, model", "tumor-site", "unreviewed"]),
    ],
)
def test_on_a_terminal_lines_break_at_blanks_below_its_width(
    parts, tmp_path, command, words, columns
):
    environment = parts.environment | {"ONCOFHIR_WORKLIST__INDEX_FILE": str(tmp_path / "index")}
    text = run_on_terminal(*command.split(), columns=columns, environment=environment)
    assert all(len(line) <= columns for line in text.splitlines()), text
    assert "…" not in text
    flat = " ".join(text.split())
    assert all(word in flat for word in words), text


def test_problems_and_remedies_fit_a_terminal(monkeypatch):
    for name in ("KAFKA__BOOTSTRAP_SERVERS", "FHIR__BASE_URL", "MODEL__URL"):
        url = "127.0.0.1:9" if name.startswith("KAFKA") else f"http://127.0.0.1:9/{'x' * 30}"
        monkeypatch.setenv(f"ONCOFHIR_{name}", url)
    text = run_on_terminal("status", "--url", "http://127.0.0.1:9")
    assert text.startswith("4 problems\n")
    assert all(len(line) <= 80 for line in text.splitlines()), text
    assert "\n    check ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS and its credentials" in text


def test_another_group_s_lag_is_seen(parts):
    environment = parts.environment | {"ONCOFHIR_KAFKA__GROUP_ID": "another"}
    url = f"http://127.0.0.1:{parts.http_port}"
    ended = run_process("status", "--url", url, "--json", environment=environment)
    facts = json.loads(ended.stdout)["facts"]
    assert int(facts["backlog"].split()[0]) >= 1


def test_a_worker_that_is_stopped(parts):
    parts.stop()
    ended = status(parts, "--json")
    assert ended.returncode == 1
    found = json.loads(ended.stdout)
    assert (found["well"], found["reached"]) == (False, True)
    assert found["facts"]["FHIR server"] == found["facts"]["model server"] == "available"
    (problem,) = found["problems"]
    assert problem["page"] == "docs/how-to/no-worker.md"


def test_nothing_answers(monkeypatch):
    for name in ("KAFKA__BOOTSTRAP_SERVERS", "FHIR__BASE_URL", "MODEL__URL"):
        url = "127.0.0.1:9" if name.startswith("KAFKA") else "http://127.0.0.1:9"
        monkeypatch.setenv(f"ONCOFHIR_{name}", url)
    ended = run_here("status", "--url", "http://127.0.0.1:9")
    assert ended.returncode == 3
    assert ended.stdout.splitlines()[0] == b"4 problems"
