import asyncio
import json
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from oncofhir import __version__
from oncofhir.cli.concurrency import in_order
from oncofhir.cli.main import app
from oncofhir.schemas.reasons import Reason


def run(*arguments: str):
    return CliRunner().invoke(app, arguments)


def test_help_teaches_every_command():
    said = run("--help").stdout
    for command in ("demo", "extract", "publish", "worker", "model", "topics", "config", "reasons"):
        assert command in said
        assert run(command, "--help").exit_code == 0
    assert __version__ in run("--version").stdout


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


def test_reasons_lists_every_code():
    rows = [json.loads(line) for line in run("reasons").stdout.splitlines()]
    assert [row["reason"] for row in rows] == [reason.value for reason in Reason]
    assert all(row["remedy"] for row in rows)


def test_a_missing_model_file_is_exit_2_with_a_remedy(tmp_path):
    """In a process of its own: the command sets up logging."""
    command = [sys.executable, "-m", "oncofhir", "model", "serve", "--port", "0"]
    ended = subprocess.run(
        [*command, "--gguf", str(tmp_path / "none.gguf")],
        capture_output=True,
        check=False,
        timeout=60,
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
    said, err = serving.communicate(timeout=30)
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
        return [number async for number in in_order(work, list(enumerate(delays)), limit)]

    assert asyncio.run(gathered()) == list(range(len(delays)))
    assert most <= limit


def test_help_says_which_extra_to_install():
    assert "oncofhir[demo]" in " ".join(run("demo", "--help").stdout.split())


def test_who_has_read_enough_ends_a_command_quietly():
    """As `oncofhir reasons | head -1` does."""
    command = [sys.executable, "-m", "oncofhir", "reasons"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    running.stdout.read(1)
    running.stdout.close()
    assert running.wait(30) == 0
    assert running.stderr.read() == b""
    running.stderr.close()


@pytest.mark.parametrize("module", ["typer", "oncofhir.schemas.base", "oncofhir.fhir.rest.client"])
def test_an_interrupt_while_a_command_begins_is_130_without_a_traceback(module):
    command = [sys.executable, "-X", "importtime", "-m", "oncofhir", "extract", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        for line in running.stderr:
            if line.split("|")[-1].strip() == module:
                running.send_signal(signal.SIGINT)
                break
        written = running.stderr.read()
    assert running.returncode == 130, written
    assert "Traceback" not in written


INTERRUPTED_WITHIN = {
    "an exec, which python remembers": "exec('raise KeyboardInterrupt')",
    "a class that names its attributes": "type('Named', (), {'name': Interrupted()})",
    "a callback, which swallows it": "weakref.ref(Interrupted(), raised); time.sleep(60)",
    "the command": "raise KeyboardInterrupt",
}


@pytest.mark.parametrize("within", INTERRUPTED_WITHIN.values(), ids=INTERRUPTED_WITHIN.keys())
def test_an_interrupt_is_130_wherever_it_comes(within, tmp_path):
    script = f"""
import time, weakref
import oncofhir.cli.entry, oncofhir.cli.main
def raised(_):
    raise KeyboardInterrupt
class Interrupted:
    def __set_name__(self, owner, name):
        raise KeyboardInterrupt
def app():
    {within}
oncofhir.cli.main.app = app
oncofhir.cli.entry.main()
"""
    (tmp_path / "interrupted.py").write_text(script)
    command = [sys.executable, "-m", "interrupted"]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False
    )
    assert (ended.returncode, ended.stderr) == (130, "oncofhir: interrupted\n")


def test_an_error_for_which_a_socket_broke_is_no_reader_that_has_read_enough(tmp_path):
    script = """
import oncofhir.cli.entry, oncofhir.cli.main
def app():
    try:
        raise BrokenPipeError(32, "socket")
    except OSError:
        raise RuntimeError("store lost")
oncofhir.cli.main.app = app
oncofhir.cli.entry.main()
"""
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "store lost" in ended.stderr


def test_an_interrupt_that_the_shell_has_us_ignore_is_ignored_from_the_beginning():
    python = [sys.executable, "-X", "importtime", "-m", "oncofhir", "reasons"]
    command = ["sh", "-c", 'trap "" INT; exec "$0" "$@"', *python]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        for line in running.stderr:
            if line.split("|")[-1].strip() == "typer":
                running.send_signal(signal.SIGINT)
                break
        running.stderr.read()
    assert running.returncode == 0
