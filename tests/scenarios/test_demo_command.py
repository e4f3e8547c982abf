"""`oncofhir demo --keep --duckdb` as a process: its addresses, its findings, and the tutorial's answers on its rows."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import duckdb
import httpx2
import pytest

from docs.site.blocks import blocks
from oncofhir.demo.landing import STAGE_BY_HISTOLOGY
from oncofhir.demo.process import Process, free_port, responds
from oncofhir.settings import KafkaSettings, Settings
from tests.integration.consumers.worker_harness import read_all
from tests.waiting import PATIENCE_SECONDS

EXPORT = re.compile(r"export (ONCOFHIR_\w+)=(\S+)")
LAST = "ONCOFHIR_KAFKA__GROUP_ID"
TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "questions-in-sql.md"
REPORTS = 24


class KeptDemo(NamedTuple):
    """What a running demo printed, and the folder with `demo.duckdb`."""

    settings: dict[str, str]
    folder: Path
    printed: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    running = subprocess.Popen(
        [sys.executable, "-m", "oncofhir", "demo", "--keep", "--json", "--duckdb", "demo.duckdb"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    printed = []
    try:
        for line in running.stderr:
            printed.append(line)
            if LAST in line:
                break
        text = "".join(printed)
        yield KeptDemo(dict(EXPORT.findall(text)), folder, text)
    finally:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 0, err
    assert '"lost": 0' in out


def sources(base: str) -> set[str]:
    answer = httpx2.get(f"{base}/Provenance?_count=200", trust_env=False).json()
    return {
        entity["what"]["reference"]
        for entry in answer["entry"]
        for entity in entry["resource"].get("entity", ())
        if entity["role"] == "source"
    }


def oncofhir(demo, *arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "oncofhir", *arguments],
        env=os.environ | demo.settings | settings,
        cwd=demo.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )


def test_a_kept_demo_can_be_used_and_its_findings_traced_to_their_reports(demo):
    base = demo.settings["ONCOFHIR_FHIR__BASE_URL"]
    found = sources(base)
    assert found
    for reference in found:
        assert httpx2.get(f"{base}/{reference}", trust_env=False).is_success
    focus = min(found).partition("/_history/")[0]
    tasks = httpx2.get(f"{base}/Task", params={"focus": focus}, trust_env=False).json()
    assert len(tasks["entry"]) == 1
    reconciled = oncofhir(demo, "reconcile")
    assert reconciled.returncode == 0, reconciled.stderr


def questions():
    """The tutorial's statements, each with the result that it shows."""
    found = list(blocks(TUTORIAL))
    pairs = itertools.pairwise(found)
    return [(sql.text, shown.text) for sql, shown in pairs if sql.language == "sql"]


def shadow_settings():
    """The settings of the tutorial's second worker."""
    script = next(block.text for block in blocks(TUTORIAL) if block.language == "sh")
    return dict(EXPORT.findall(script))


@pytest.fixture(scope="module")
def second_model(demo):
    """Lands the rows of the tutorial's second worker in `trial.duckdb`."""
    given = shadow_settings()
    port = free_port()
    assert oncofhir(demo, "topics", "ensure", **given).returncode == 0
    worker = Process(
        "shadow-worker",
        [sys.executable, "-m", "oncofhir", "worker"],
        environment=os.environ
        | demo.settings
        | given
        | {"ONCOFHIR_HTTP__PORT": str(port), "ONCOFHIR_KAFKA__SESSION_TIMEOUT_MS": "6000"},
        ready=lambda: responds(f"http://127.0.0.1:{port}/ready"),
        wait_seconds=90.0,
    )
    kafka = KafkaSettings(
        bootstrap_servers=demo.settings["ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS"],
        outcome_topic=given["ONCOFHIR_KAFKA__OUTCOME_TOPIC"],
    )
    deadline = time.monotonic() + 150
    with worker:
        while len(read_all(Settings(kafka=kafka), kafka.outcome_topic)) < REPORTS:
            assert time.monotonic() < deadline, worker.last_output()
            time.sleep(1)
    landed = oncofhir(demo, "sink", "--once", "--duckdb", "trial.duckdb", **given)
    assert landed.returncode == 0, landed.stderr


def test_the_tutorial_shows_what_its_statements_answer(demo, second_model, monkeypatch):
    monkeypatch.chdir(demo.folder)
    with duckdb.connect("demo.duckdb", read_only=True) as connection:
        for sql, shown in questions():
            assert f"{connection.sql(sql)}".strip() == shown.strip()


def test_the_chart_is_the_first_question_of_the_tutorial(demo):
    sql, _ = questions()[0]
    assert sql == STAGE_BY_HISTOLOGY
    with duckdb.connect(str(demo.folder / "demo.duckdb"), read_only=True) as connection:
        rows = connection.execute(sql).fetchall()
    assert sum(count for _, _, count in rows) > REPORTS / 2
    for histology, stage, count in rows:
        assert re.search(rf"{stage}\s+[█▉▊▋▌▍▎▏]+\s+{count}\n", demo.printed), (histology, stage)


@pytest.mark.parametrize(
    ("file", "message"), [("demo.duckdb", "exists"), ("none/demo.duckdb", "no folder")]
)
def test_a_file_that_cannot_become_the_demos_is_refused_before_anything_starts(demo, file, message):
    done = oncofhir(demo, "demo", "--duckdb", file)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
