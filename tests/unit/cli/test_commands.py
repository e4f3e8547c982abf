import asyncio
import json
import re
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from oncofhir.cli.commands.run_it.topics import check_summary
from oncofhir.cli.concurrency import map_ordered
from oncofhir.cli.main import app
from oncofhir.schemas.finding import Rejection
from oncofhir.schemas.reasons import Reason
from tests.waiting import PATIENCE_SECONDS


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


def test_config_show_prints_every_setting_with_its_source(monkeypatch):
    monkeypatch.setenv("ONCOFHIR_KAFKA__GROUP_ID", "mine")
    rows = [json.loads(line) for line in run("config", "show").stdout.splitlines()]
    mine = next(row for row in rows if row["variable"] == "ONCOFHIR_KAFKA__GROUP_ID")
    assert mine == {
        "variable": "ONCOFHIR_KAFKA__GROUP_ID",
        "value": "mine",
        "source": "environment",
    }
    assert {row["source"] for row in rows} == {"default", "environment"}


@pytest.mark.parametrize("command", [["config", "show"], ["worker"], ["topics", "ensure"]])
def test_wrong_settings_are_exit_2_and_named(monkeypatch, command):
    monkeypatch.setenv("ONCOFHIR_KAFKA__GROUPID", "x")
    ended = run(*command)
    assert ended.exit_code == 2
    assert "ONCOFHIR_KAFKA__GROUPID" in ended.stderr


def test_config_show_describes_every_setting():
    rows = [json.loads(line) for line in run("config", "show", "--describe").stdout.splitlines()]
    assert all(row["description"].endswith((".", ".)")) for row in rows)
    group = next(row for row in rows if row["variable"] == "ONCOFHIR_KAFKA__GROUP_ID")
    assert group["default"] == "oncofhir"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("extract", "--output", "fhir", "."), "'fhir' is not one of 'findings', 'report'"),
        (("model", "serve", "--port", "x"), "'--port': must be a whole number"),
        (("review", "--port", "70000"), "'--port': must be at most 65535"),
        (("status", "--url", "10.0.0.4:8080"), "--url: an http or https URL is needed"),
        (("reconcile", "--since", "0001-01-01"), "--since: an ISO 8601 date"),
        (("reconcile", "--until", "9999-12-31T23:00-05:00"), "--until: an ISO 8601 date"),
        (("reconcile", "--late", "inf"), "'--late': must be at most"),
        (("reconcile", "--since", "yesterday"), "--since: an ISO 8601 date"),
        (("backfill", "search", "--rate", "fast"), "--rate: must be a number above 0"),
        (("dead-letters", "list", "--reason", "no-txt"), "--reason: unknown code"),
    ],
)
def test_a_wrong_option_is_named_in_plain_words(arguments, message):
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert message in " ".join(re.sub("[│╭╰─]", " ", ended.stderr).split())
    assert "Value error" not in ended.stderr
    assert "Input should" not in ended.stderr


def test_reasons_lists_every_code():
    rows = [json.loads(line) for line in run("reasons").stdout.splitlines()]
    assert [row["reason"] for row in rows] == [code.value for code in (*Reason, *Rejection)]
    assert all(row["meaning"] and row["remedy"] for row in rows)


def test_reasons_can_be_asked_for_one_code():
    (row,) = map(json.loads, run("reasons", "no-text").stdout.splitlines())
    assert row["reason"] == "no-text"
    assert run("reasons", "no-txt").exit_code == 2


@pytest.mark.parametrize("code", ["contradicted", "ambiguous", "low-confidence"])
def test_reasons_explains_why_a_value_was_rejected(code):
    (row,) = map(json.loads, run("reasons", code).stdout.splitlines())
    assert (row["reason"], row["disposition"]) == (code, "reject-value")


def test_a_missing_model_file_is_exit_2_with_a_remedy(tmp_path):
    """In a process of its own: the command sets up logging."""
    command = [sys.executable, "-m", "oncofhir", "model", "serve", "--port", "0"]
    ended = subprocess.run(
        [*command, "--gguf", str(tmp_path / "none.gguf")],
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 2
    assert b"--gguf" in ended.stderr
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--port", "99999"),
        ("--port", "-1"),
        ("--threads", "0"),
        ("--slots", "0"),
        ("--slots", "257"),
        ("--context-tokens", "0"),
        ("--max-concurrent-requests", "0"),
    ],
)
def test_what_no_model_server_can_be_is_exit_2(option, value):
    ended = run("model", "serve", option, value)
    assert ended.exit_code == 2
    assert option in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_model_server_that_is_stopped_ends_with_0_and_says_so(number):
    command = [sys.executable, "-m", "oncofhir", "model", "serve", "--port", "0"]
    serving = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert b"serving" in serving.stdout.readline()
    serving.send_signal(number)
    said, err = serving.communicate(timeout=PATIENCE_SECONDS)
    assert serving.returncode == 0, err
    assert b"stopped" in said
    assert b"Traceback" not in err


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 5))
def test_results_come_in_input_order_and_the_bound_holds(delays, limit):
    under_way = most = 0

    async def work(item: tuple[int, int]) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _ in range(item[1]):
            await asyncio.sleep(0)
        under_way -= 1
        return item[0]

    async def gathered() -> list[int]:
        return [number async for number in map_ordered(work, list(enumerate(delays)), limit)]

    assert asyncio.run(gathered()) == list(range(len(delays)))
    assert most <= limit


def test_a_check_that_finds_nothing_says_so():
    assert check_summary(5, []) == "checked 5 topics: no problem"
    assert check_summary(1, ["wrong", "unknown", "wrong"]) == "checked 1 topic: 2 wrong, 1 unknown"
