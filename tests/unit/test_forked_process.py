"""Processes of the fork server: files, environment, signals and statuses; each is as if it were the first."""

import json
import os
import signal
import subprocess

import pytest

from tests.forked_process import DEVNULL, PIPE, ForkedProcess
from tests.waiting import PATIENCE_SECONDS

PROGRAM = "tests.unit.forked_program"


def started(*arguments, **options):
    given = {"stdin": DEVNULL, "stdout": PIPE, "stderr": PIPE, "text": True}
    return ForkedProcess(PROGRAM, arguments, **(given | options))


def test_a_process_has_what_it_is_given_and_nothing_of_others(tmp_path, monkeypatch):
    monkeypatch.setenv("OF_A_TEST", "one")
    given = tmp_path / "given"
    given.write_text("from a file")
    with started("wait") as waiting, given.open() as file:
        seen = []
        for _ in range(2):
            process = started("copy", "ä", stdin=file, cwd=tmp_path)
            out, err = process.communicate(PATIENCE_SECONDS)
            assert process.returncode == 7
            assert err == ("from a file" if not seen else "")  # the file was read to its end
            seen.append(json.loads(out))
        waiting.kill()
    assert len({one.pop("pid") for one in seen} | {os.getpid(), waiting.pid}) == 4
    for one in seen:
        assert one == {
            "arguments": ["copy", "ä"],
            "folder": str(tmp_path),
            "variable": "one",
            "files": [0, 1, 2],
            "hears_ctrl_c": True,
            "hears_children": False,
            "threads": 1,
            "traces": False,
        }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_ends_it_at_any_time(number):
    with started("wait") as process:
        process.send_signal(number)  # at the earliest possible moment
        # Ctrl-C raises KeyboardInterrupt, after which Python ends itself by the signal.
        assert process.wait(PATIENCE_SECONDS) == -number
        assert process.poll() == -number


def test_while_it_runs_it_has_no_status():
    with started("wait") as process:
        assert json.loads(process.stdout.readline())["arguments"] == ["wait"]
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGTERM
        process.terminate()  # has no effect, as that of Popen


def test_what_it_does_not_handle_is_a_traceback_and_1():
    process = started("fail")
    _, err = process.communicate(PATIENCE_SECONDS)
    assert process.returncode == 1
    assert err.endswith("RuntimeError: it failed\n")


def test_what_it_writes_may_be_longer_than_a_pipe_holds():
    process = started("copy", stdin=PIPE)
    with process.stdin:
        process.stdin.write("x")
    process.communicate(PATIENCE_SECONDS)
    long = "y" * 300_000
    reading = started("copy", stdin=PIPE, stdout=DEVNULL)
    with reading.stdin as into:
        into.write(long)
    out, err = reading.communicate(PATIENCE_SECONDS)
    assert (out, err) == (None, long)
