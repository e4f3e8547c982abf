"""`oncofhir backfill files` as a process against a broker: kills, signals, broken lines, rates, changes."""

import json
import signal

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from tests.command import run_here
from tests.integration.consumers.worker_harness import read_all, settings_for
from tests.integration.ingest.backfill_kills import (
    ended,
    environment_of,
    record_counter,
    repetitions,
    resource,
    run,
    run_with_kills,
    start,
    write_files,
)
from tests.waiting import wait_until

_PAGE = 50


@pytest.fixture
def settings(broker):
    made = settings_for(broker.address, history=True)
    ensure_topics(made.kafka, partitions=2)
    return made


@pytest.fixture
def exported(tmp_path):
    """A folder for files of an export; `tmp_path` itself is the working directory."""
    folder = tmp_path / "export"
    folder.mkdir()
    return folder


def on_topics(settings):
    return [r for topic in settings.kafka.backfill_topics for r in read_all(settings, topic)]


def test_every_line_is_published_once_and_the_numbers_add_up(settings, exported, tmp_path):
    lines = write_files(exported, 300)
    done = run(["files", exported], settings, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.summary["published_by_type"] == {
        "DiagnosticReport": {"final": 200},
        "DocumentReference": {"current": 100},
    }
    assert (done.summary["read"], done.summary["reconciles"]) == (300, True)
    assert repetitions(on_topics(settings), lines) == 0
    again = run(["files", exported], settings, tmp_path)
    assert again.returncode == 0
    assert "--restart" in again.stderr
    assert again.summary["published"] == 300
    assert len(on_topics(settings)) == 300


def test_kills_repeat_one_page_each_at_most(settings, exported, tmp_path):
    lines = write_files(exported, 900)
    arguments = ["files", exported, "--page-size", _PAGE, "--rate", "600/s"]
    with record_counter(settings) as published:
        done, kills = run_with_kills(arguments, settings, tmp_path, [200, 550], published)
    assert done.returncode == 0, done.stderr
    assert kills == 2
    assert 0 <= repetitions(on_topics(settings), lines) <= kills * _PAGE
    assert (done.summary["read"], done.summary["published"]) == (900, 900)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_and_nothing_is_repeated(settings, exported, tmp_path, number):
    lines = write_files(exported, 400)
    arguments = ["files", exported, "--page-size", _PAGE, "--rate", "100/s"]
    with record_counter(settings) as published:
        process = start(arguments, settings, tmp_path)
        wait_until(published)
    process.send_signal(number)
    stopped = ended(process, tmp_path)
    assert stopped.returncode == 130
    assert stopped.summary["complete"] is False
    assert "resume with: oncofhir backfill files" in stopped.stderr
    assert f"--state {stopped.summary['state']}" in stopped.stderr
    assert len(on_topics(settings)) == stopped.summary["published"] < 400
    done = run(["files", exported, "--state", stopped.summary["state"]], settings, tmp_path)
    assert done.returncode == 0, done.stderr
    assert repetitions(on_topics(settings), lines) == 0


def test_broken_lines_are_named_counted_and_become_dead_letters(settings, exported, tmp_path):
    too_large = json.dumps(resource(1) | {"id": "large", "text": "x" * 17_000_000})
    lines = [json.dumps(resource(1)), "{broken", '{"resourceType": "Patient"}', too_large]
    lines.append(json.dumps(resource(2)))
    (exported / "a.ndjson").write_text("\n".join(lines))
    done = run(["files", exported, "--dead-letter-broken"], settings, tmp_path)
    assert done.returncode == 1  # the large one fits nowhere
    assert "a.ndjson:2: not-json" in done.stderr
    assert "a.ndjson:4: broker-rejected" in done.stderr
    assert done.summary["skipped_by_reason"] == {
        "not-json": 1,
        "unsupported-resource-type": 1,
        "broker-rejected": 1,
    }
    assert (done.summary["broken"], done.summary["dead_lettered"]) == (2, 1)
    assert len(on_topics(settings)) == 2
    listed = run_here("dead-letters", "list", environment=environment_of(settings))
    letters = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(x["reason"], x["stage"], x["source_partition"]) for x in letters] == [
        ("not-json", "backfill", -1)
    ]
    replayed = run_here("dead-letters", "replay", environment=environment_of(settings))
    assert replayed.returncode == 0, replayed.stderr
    assert len(on_topics(settings)) == 3
    (exported / "a.ndjson").write_text("\n".join(lines[:2]))
    only_counted = run(["files", exported], settings, tmp_path)
    assert (only_counted.returncode, only_counted.summary["dead_lettered"]) == (1, 0)
    kept = run(["files", exported, "--restart", "--dead-letter-broken"], settings, tmp_path)
    assert (kept.returncode, kept.summary["dead_lettered"]) == (0, 1)


def test_a_dry_run_counts_and_leaves_nothing_behind(settings, exported, tmp_path):
    write_files(exported, 30)
    before = {path.name for path in tmp_path.iterdir()}
    done = run(["files", exported, "--dry-run"], settings, tmp_path)
    assert done.returncode == 0
    assert done.summary["published_by_type"]["DiagnosticReport"] == {"final": 20}
    assert not on_topics(settings)
    assert {path.name for path in tmp_path.iterdir()} - before <= {"out", "err"}


def test_files_that_changed_are_not_taken_for_the_same(settings, exported, tmp_path):
    write_files(exported, 10)
    assert run(["files", exported, "--state", "s"], settings, tmp_path).returncode == 0
    write_files(exported, 11)
    changed = run(["files", exported, "--state", "s"], settings, tmp_path)
    assert changed.returncode == 2
    assert "--restart" in changed.stderr
    done = run(["files", exported, "--state", "s", "--restart"], settings, tmp_path)
    assert (done.returncode, done.summary["published"]) == (0, 11)


def test_what_is_missing_is_named(settings, exported, tmp_path):
    write_files(exported, 3)
    settings.kafka.__dict__["dead_letter_topic"] = "absent"
    letters = run(["files", exported, "--dead-letter-broken"], settings, tmp_path)
    assert letters.returncode == 2
    assert "topic not found: absent" in letters.stderr
    unset = {name: "" for name in environment_of(settings) if "BACKFILL" in name}
    ended_here = run_here("backfill", "files", exported, environment=unset)
    assert ended_here.returncode == 2
    assert b"BACKFILL_TOPIC" in ended_here.stderr
