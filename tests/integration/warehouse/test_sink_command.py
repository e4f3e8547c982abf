"""`oncofhir sink` as a process, from a real broker into DuckDB and Delta Lake."""

import json
import signal
from functools import partial

import duckdb
import pytest
from confluent_kafka import Producer
from deltalake import DeltaTable

from tests.command import start_process
from tests.forked_process import PIPE
from tests.unit.warehouse.landing.rows import row
from tests.waiting import PATIENCE_SECONDS, wait_until

KEYS = 500


def publish(settings, rows, tombstones=()):
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap_servers, "linger.ms": 10})
    topic = settings.kafka.phenotype_topic
    for one in rows:
        producer.produce(topic, one.model_dump_json().encode(), one.finding.encode())
        producer.poll(0)
    for key in tombstones:
        producer.produce(topic, None, key.encode())
    producer.flush()


def revisions(count):
    """Rows of KEYS findings in revisions that mostly grow and sometimes come late."""
    for number in range(count):
        key, turn = number % KEYS, number // KEYS
        revision = turn + 1 if turn % 3 else max(1, turn - 1)
        yield row(finding=f"f{key}", revision=revision, value=f"{number}")


def winners(rows):
    best = {}
    for one in rows:
        known = best.get(one.finding)
        if known is None or one.revision >= known.revision:
            best[one.finding] = one
    return {key: (one.revision, one.value) for key, one in best.items()}


def start(settings, *arguments):
    environment = {
        f"ONCOFHIR_KAFKA__{name.upper()}": getattr(settings.kafka, name)
        for name in ("bootstrap_servers", "phenotype_topic", "outcome_topic")
    }
    return start_process(
        "sink", *arguments, environment=environment, stdout=PIPE, stderr=PIPE, text=True
    )


def finished(process):
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    return json.loads(out)


def landed(path):
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute("SELECT finding, revision, value FROM phenotypes").fetchall()
    return {finding: (revision, value) for finding, revision, value in found}


def test_once_lands_what_is_there_and_a_second_run_what_has_come_since(settings, tmp_path):
    path = tmp_path / "w.duckdb"
    rows = list(revisions(2 * KEYS))
    publish(settings, rows)
    counts = finished(start(settings, "--once", "--duckdb", str(path)))
    assert counts["tables"]["phenotypes"]["records"] == 2 * KEYS
    assert counts["lag"] == 0
    assert landed(path) == winners(rows)

    more = [row(finding="f1", revision=99, value="newest")]
    publish(settings, more, tombstones=["f2"])
    counts = finished(start(settings, "--once", "--duckdb", str(path)))
    assert counts["tables"]["phenotypes"]["records"] == 2
    assert landed(path) == {k: v for k, v in winners(rows + more).items() if k != "f2"}


@pytest.mark.scenario
def test_killed_again_and_again_it_comes_to_the_highest_revisions(settings, tmp_path):
    path = tmp_path / "w.duckdb"
    rows = list(revisions(12 * KEYS))
    publish(settings, rows)
    arguments = ("--once", "--batch-records", "400", "--duckdb", str(path))
    seen = []
    for _ in range(4):
        process = start(settings, *arguments)
        before = path.stat().st_mtime_ns if path.exists() else 0
        wait_until(partial(has_written_or_ended, path, before, process))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE_SECONDS)
        seen.append(process.returncode)
    finished(start(settings, *arguments))
    assert landed(path) == winners(rows)
    assert -signal.SIGKILL in seen


def has_written_or_ended(path, before, process):
    return process.poll() is not None or has_written(path, before)


def has_written(path, before):
    logs = [f for f in (path, path.with_name(f"{path.name}.wal")) if f.exists()]
    return any(f.stat().st_mtime_ns > before for f in logs)


def test_sigterm_ends_a_waiting_sink_with_its_counts(settings, tmp_path):
    path = tmp_path / "w.duckdb"
    publish(settings, [row()])
    process = start(settings, "--duckdb", str(path))
    wait_until(lambda: path.exists() and (path.with_name(f"{path.name}.wal").exists()))
    process.send_signal(signal.SIGTERM)
    assert finished(process)["tables"]["phenotypes"]["records"] in {0, 1}


def test_delta_lake_holds_the_same(settings, tmp_path):
    rows = list(revisions(2 * KEYS))
    publish(settings, rows)
    finished(start(settings, "--once", "--delta", str(tmp_path / "lake")))
    found = DeltaTable(str(tmp_path / "lake" / "phenotypes")).to_pyarrow_table().to_pylist()
    assert {r["finding"]: (r["revision"], r["value"]) for r in found} == winners(rows)


def test_a_row_of_a_newer_major_version_ends_it_and_nothing_of_it_is_landed(settings, tmp_path):
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap_servers})
    headers = [("oncofhir-schema", b"phenotype/2")]
    value = row().model_dump_json().encode()
    producer.produce(settings.kafka.phenotype_topic, value, b"f1", headers=headers)
    producer.flush()
    path = tmp_path / "w.duckdb"
    process = start(settings, "--once", "--duckdb", str(path))
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert "newer major version" in err
    assert landed(path) == {}


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--duckdb", "a", "--delta", "b"), 2, "exclude each other"),
        (("--once", "--duckdb", "/proc/none/w.duckdb"), 3, "does not exist"),
        (("--once", "--duckdb", "/etc"), 2, "is not a DuckDB file"),
    ],
)
def test_what_cannot_work_says_what_to_do(settings, arguments, status, message):
    process = start(settings, *arguments)
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, message in err) == (status, True), err
