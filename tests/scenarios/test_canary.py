"""PHI that is planted in names, identifiers, texts, answers, addresses and headers is nowhere in what a run leaves.

What may hold PHI is left out: the FHIR server, the input and dead-letter topics' records themselves, and the results of `extract`.
"""

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import duckdb
import httpx2
import pytest
from kafka import KafkaProducer

from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.fhir_server import EmbeddedFhirServer
from oncofhir.demo.run import Demo
from oncofhir.schemas.outcome import OutcomeStatus
from oncofhir.testing.scripted_model import ScriptedModel
from tests.canary import PATIENT, PLANTED, leaks, planted_records, script
from tests.command import run_process
from tests.integration.scenarios.test_main_job import SCRIPT
from tests.otlp_collector import Collector
from tests.topic_records import records_of
from tests.waiting import PATIENCE_SECONDS

COMMANDS = (
    ("dead-letters", "list", "--json"),
    ("dead-letters", "show", "0:0"),
    ("dead-letters", "replay", "--dry-run"),
    ("reconcile",),
    ("status",),
    ("status", "--json"),
    ("retract", "--prompt-set", "cancerllm@1", "--dry-run"),
    ("erase", "--patient", "Patient/p1", "--dry-run"),
    ("topics", "check"),
    ("config", "show"),
    ("config", "show", "--describe"),
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("canary")
    with (
        Collector() as collector,
        EmbeddedBroker() as broker,
        EmbeddedFhirServer() as fhir,
        ScriptedModel(script(SCRIPT)) as model,
    ):
        environment = {
            "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
            "ONCOFHIR_FHIR__BASE_URL": fhir.base_url,
            "ONCOFHIR_MODEL__URL": model.url,
            "ONCOFHIR_LOG__LEVEL": "DEBUG",
            "ONCOFHIR_TRACING__ENDPOINT": collector.url,
            "ONCOFHIR_TRACING__METRICS": "true",
            "ONCOFHIR_TRACING__METRICS_INTERVAL_SECONDS": "0.5",
        }
        stack = SimpleNamespace(broker=broker, fhir=fhir, model=model, environment=environment)
        with Demo(stack, lambda _: None) as demo:
            account, summary = demo.run(planted_records(), [PATIENT])
            publish_with_headers(broker.address)
            metrics = httpx2.get(f"http://127.0.0.1:{demo.http_port}/metrics", trust_env=False).text
            yield SimpleNamespace(
                account=account,
                summary=summary,
                demo=demo,
                metrics=metrics,
                broker=broker,
                collector=collector,
                model=model,
                folder=folder,
            )


def publish_with_headers(address):
    """A record whose publisher put PHI into headers, also into those that are carried on."""
    producer = KafkaProducer(bootstrap_servers=address)
    canary = PLANTED["header"].encode()
    headers = [
        ("traceparent", canary),
        ("tracestate", b"x=" + canary.replace(b" ", b"")),
        (PLANTED["header"], canary),
    ]
    producer.send("fhir.diagnostic-report", key=canary, value=b"{}", headers=headers).get(30)
    producer.close()


def test_every_way_through_the_worker_was_taken(parts):
    """Else the absence of canaries shows nothing."""
    assert parts.summary.lost == 0
    statuses = {row.status for row in parts.account.outcomes}
    assert statuses >= {
        OutcomeStatus.FOUND,
        OutcomeStatus.SKIPPED,
        OutcomeStatus.RETRACTED,
        OutcomeStatus.DEAD_LETTERED,
    }
    assert len(set(parts.account.dead_letters.values())) >= 7
    assert any("ungrounded" in row.rejected for row in parts.account.outcomes), "planted answers"


@pytest.mark.parametrize("kind", PLANTED)
def test_the_search_finds_each_canary_in_each_form(kind):
    canary = PLANTED[kind]
    for before in range(3):
        text = "x" * before + canary + " and more"
        assert kind in leaks(text)
        assert kind in leaks(json.dumps({"a": text.upper()}))
        assert kind in leaks(base64.b64encode(text.encode()))
    assert leaks("nothing of the kind") == []


def test_logs_and_metrics(parts):
    log = parts.demo.worker.log_file.read_text()
    assert "record sent to dead-letter topic" in log
    assert leaks(log) == []
    assert "oncofhir_dead_letters_total" in parts.metrics
    assert leaks(parts.metrics) == []
    for status in ("live", "ready"):
        url = f"http://127.0.0.1:{parts.demo.http_port}/{status}"
        assert leaks(httpx2.get(url, trust_env=False).text) == []


def test_traces_and_their_metrics(parts):
    assert parts.collector.spans
    assert [leaks(body) for body in parts.collector.bodies if leaks(body)] == []
    assert [leaks(str(headers)) for headers in parts.collector.headers if leaks(str(headers))] == []


def test_headers_that_we_add_and_rows(parts):
    for topic in ("oncology.phenotypes", "oncology.outcomes"):
        records = records_of(parts.broker.address, topic)
        assert records
        for record in records:
            assert leaks(b"".join(value for _, value in record.headers)) == []
            assert leaks(record.key) == []
            row = json.loads(record.value)
            for evidence in row.get(
                "evidence", ()
            ):  # the demo publishes quotes; a site has to ask for them
                evidence.pop("text")
            assert leaks(json.dumps(row)) == []
    letters = records_of(parts.broker.address, "oncology.dead-letters")
    assert len(letters) >= 9
    for letter in letters:
        ours = [value for name, value in letter.headers if name.startswith("oncofhir-")]
        assert ours
        assert leaks(b"".join(ours)) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_output_of_commands(parts, command):
    ended = run_process(*command, environment=parts.demo.environment)
    assert ended.returncode in {0, 1}, ended.stderr
    assert ended.stdout + ended.stderr
    assert leaks(ended.stdout + ended.stderr) == []


def test_a_sink_lists_rejected_records_without_them(parts):
    producer = KafkaProducer(bootstrap_servers=parts.broker.address)
    for value in (f'{{"finding": "{PLANTED["name"]}"}}', f"{PLANTED['identifier']}"):
        producer.send("oncology.phenotypes", key=b"k", value=value.encode()).get(30)
    producer.close()
    file = parts.folder / "w.duckdb"
    ended = run_process("sink", "--once", "--duckdb", file, environment=parts.demo.environment)
    assert ended.returncode == 0
    assert leaks(ended.stdout + ended.stderr) == []
    with duckdb.connect(str(file)) as connection:
        rejected = connection.execute("SELECT * FROM rejected_records").fetchall()
    assert len(rejected) == 2
    assert leaks(str(rejected)) == []


def test_errors_of_extract_and_publish(parts):
    for number, record in enumerate(planted_records()):
        file = parts.folder / f"report-{number}.json"
        file.write_bytes(record.raw)
    unreachable = {"ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    for command, environment in (
        (("extract", "--model", "rules"), {}),
        (("publish",), unreachable),
    ):
        ended = run_process(*command, parts.folder, environment=environment)
        assert ended.returncode in {1, 3}
        assert ended.stderr
        assert leaks(ended.stderr) == []


def test_the_logs_of_every_process_of_a_demo(tmp_path):
    """`oncofhir demo` on the planted reports, with its own model server, as a user starts it."""
    reports = tmp_path / "reports"
    reports.mkdir()
    for number, record in enumerate(planted_records()):
        (reports / f"{number}.json").write_bytes(record.raw)
    (reports / "patient.json").write_text(json.dumps(PATIENT))
    # Not below tmp_path, whose name is too long for the socket of the parsing processes.
    logs = Path(tempfile.mkdtemp(prefix="canary-"))
    running = subprocess.Popen(
        [sys.executable, "-m", "oncofhir", "demo", "--keep", "--json", "--reports", str(reports)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ
        | {
            "TMPDIR": str(logs),
            "ONCOFHIR_LOG__LEVEL": "DEBUG",
            "ONCOFHIR_RETRY__MAX_DEAD_LETTER_RATIO": "1",
        },
    )
    try:
        printed = []
        for line in running.stderr:
            printed.append(line)
            if "export ONCOFHIR_KAFKA__GROUP_ID" in line:
                break
        assert running.poll() is None, "".join(printed)
        written = [f for f in logs.rglob("*") if f.suffix == ".log"]
        assert {"worker", "model"} <= {f.name.split("-")[1] for f in written}, written
        found = {f.name: leaks(f.read_bytes()) for f in written}
        assert not any(found.values()), found
    finally:
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=PATIENCE_SECONDS)
        shutil.rmtree(logs, ignore_errors=True)
    assert leaks("".join(printed) + err) == []
