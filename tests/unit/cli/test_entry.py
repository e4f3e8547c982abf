"""How Ctrl-C and a closed pipe end a command, whenever they come."""

import signal
import subprocess
import sys

import pytest

from tests.waiting import PATIENCE_SECONDS


def interrupted_at(module: str, *command: str) -> tuple[int, str]:
    """The exit status and stderr of a command that gets SIGINT once `module` is imported."""
    python = [sys.executable, "-X", "importtime", "-m", "oncofhir"]
    with subprocess.Popen(
        [*python, *command], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        for line in running.stderr:
            if line.split("|")[-1].strip() == module:
                running.send_signal(signal.SIGINT)
                break
        written = running.stderr.read()
    return running.returncode, written


@pytest.mark.parametrize("module", ["typer", "oncofhir.fhir.rest.client"])
def test_ctrl_c_while_a_command_starts_is_130_without_a_traceback(module):
    status, written = interrupted_at(module, "extract", "-")
    assert status == 130, written
    assert "Traceback" not in written


def run_with_app(body: str) -> subprocess.CompletedProcess[str]:
    script = f"""
import oncofhir.cli.entry, oncofhir.cli.main, typer
app = typer.Typer()
@app.command()
def command():
    {body}
oncofhir.cli.main.app = app
oncofhir.cli.entry.main()
"""
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


def test_ctrl_c_within_a_command_is_130_and_one_line():
    ended = run_with_app("raise KeyboardInterrupt")
    assert (ended.returncode, ended.stderr) == (130, "oncofhir: interrupted\n")


def test_a_broken_socket_is_an_error_and_not_a_closed_pipe():
    ended = run_with_app("raise RuntimeError('store lost') from BrokenPipeError(32, 'socket')")
    assert ended.returncode == 1
    assert "store lost" in ended.stderr


def test_a_reader_that_closes_the_pipe_ends_a_command_quietly():
    """As `oncofhir reasons | head -1` does."""
    command = [sys.executable, "-m", "oncofhir", "reasons"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    running.stdout.read(1)
    running.stdout.close()
    assert running.wait(30) == 0
    assert running.stderr.read() == b""
    running.stderr.close()


def test_ctrl_c_stays_ignored_where_the_shell_ignores_it():
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


@pytest.mark.parametrize("command", [["config", "show"], ["config", "example"], ["--help"]])
def test_a_full_disk_is_one_line_and_status_1(command):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ended = subprocess.run(
            [sys.executable, "-m", "oncofhir", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    expected = "oncofhir: cannot write: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (1, expected)


def test_closed_streams_are_no_error():
    command = f"exec {sys.executable} -m oncofhir config show >&- 2>&-"
    assert subprocess.run(command, shell=True, check=False).returncode == 0
