"""`oncofhir topics ensure` and `oncofhir publish` against a real broker."""

import json

import pytest

from oncofhir.demo.broker import EmbeddedBroker
from tests.builders import BREAST, CANARY, pathology_report
from tests.command import run_here, run_process
from tests.topic_records import records_of


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as running:
        yield running


def oncofhir(
    broker: str, *arguments: str, status: int = 0, start=run_here, **settings: str
) -> list[dict]:
    ran = start(*arguments, environment={"ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker} | settings)
    assert ran.returncode == status, ran.stderr.decode()
    assert b"Traceback" not in ran.stderr
    assert CANARY.encode() not in ran.stderr + ran.stdout
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_topics_are_made_once(broker):
    made = oncofhir(broker.address, "topics", "ensure", "--partitions", "2")
    assert len(made) == 5
    assert {topic["created"] for topic in made} == {True}
    again = oncofhir(broker.address, "topics", "ensure", "--partitions", "4")
    assert {topic["created"] for topic in again} == {False}
    assert {topic["partitions"] for topic in again} == {2}


def test_topics_are_checked(broker):
    oncofhir(broker.address, "topics", "ensure")
    told = oncofhir(broker.address, "topics", "check")
    # Tansu does not describe topic settings, and that is reported; one replica is a warning.
    assert {(t["problem"], t["severity"]) for t in told} == {
        ("settings", "unknown"),
        ("replication", "warning"),
    }
    few = oncofhir(broker.address, "topics", "check", "--partitions", "99", status=1)
    assert {t["problem"] for t in few} == {"settings", "replication", "partitions"}


def test_a_new_topic_with_one_replica_is_a_warning_with_the_remedy(broker):
    environment = {
        "ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address,
        "ONCOFHIR_KAFKA__OUTCOME_TOPIC": "one-replica",
    }
    ran = run_here("topics", "ensure", environment=environment)
    said = ran.stderr.decode()
    assert "oncofhir: warning: one-replica: replication: 1; wanted: 3 or more; remedy: " in said
    assert "created 1 topic, 4 existed before" in said


def test_a_check_says_how_much_it_checked(broker):
    oncofhir(broker.address, "topics", "ensure")
    environment = {"ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address}
    said = run_here("topics", "check", environment=environment).stderr.decode()
    assert said == "oncofhir: checked 5 topics: 5 warning, 5 unknown\n"


def test_a_text_file_is_left_out_with_what_reads_it(broker, tmp_path):
    file = tmp_path / "report.txt"
    file.write_text(BREAST)
    environment = {"ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS": broker.address}
    ran = run_here("publish", str(file), environment=environment)
    assert ran.returncode == 1
    assert (
        "report.txt: a document is not a FHIR resource; `oncofhir extract` reads it"
        in ran.stderr.decode()
    )


def test_reports_are_published_as_they_are_and_the_rest_is_named(broker, tmp_path):
    report = pathology_report("pub-1", BREAST)
    note = {"resourceType": "DocumentReference", "id": "pub-2", "status": "current"}
    lines = [json.dumps(report), '{"resourceType": "Patient", "id": "p1"}', "{", json.dumps(note)]
    file = tmp_path / "x.ndjson"
    file.write_text("\n".join(lines))
    placed = oncofhir(broker.address, "publish", str(file), status=1)
    assert [(p["topic"], p["key"]) for p in placed] == [
        ("fhir.diagnostic-report", "DiagnosticReport/pub-1"),
        ("fhir.document-reference", "DocumentReference/pub-2"),
    ]
    values = [record.value for record in records_of(broker.address, "fhir.diagnostic-report")]
    assert lines[0].encode() in values


def test_no_broker_is_3_and_no_file_2(tmp_path):
    file = tmp_path / "x.json"
    file.write_text(json.dumps(pathology_report("pub-3", BREAST)))
    oncofhir("127.0.0.1:9", "publish", str(file), status=3, start=run_process)
    oncofhir("127.0.0.1:9", "publish", str(tmp_path / "none"), status=2)


def test_a_mistyped_topic_is_2_and_is_not_made(broker, tmp_path):
    file = tmp_path / "x.json"
    file.write_text(json.dumps(pathology_report("pub-4", BREAST)))
    wrong = {"ONCOFHIR_KAFKA__DIAGNOSTIC_REPORT_TOPIC": "fhir.diagnostic-reprot"}
    for _ in range(2):
        assert oncofhir(broker.address, "publish", str(file), status=2, **wrong) == []
