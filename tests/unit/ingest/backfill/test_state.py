"""The state file: what was committed is there after any end; nobody else's file is touched."""

import os
import signal
import subprocess
import sys

import pytest

from oncofhir.ingest.backfill.counts import Counts
from oncofhir.ingest.backfill.state import State
from oncofhir.settings import SettingsError

IDENTITY = {"source": "files", "files": [["a.ndjson", 7, "digest"]], "topics": ("t",)}


def test_a_commit_is_read_again(tmp_path):
    path = tmp_path / "s"
    with State(path, IDENTITY) as state:
        assert (state.position, state.counts, state.is_complete) == (None, Counts(), False)
        state.commit({"file": 0, "line": 5}, Counts(read=5, again=5), [b"a" * 16])
        state.set_note("job", "https://example.org/status")
    with State(path, IDENTITY) as state:
        assert state.position == {"file": 0, "line": 5}
        assert state.counts.read == 5
        assert state.note("job") == "https://example.org/status"
        assert state.known([b"a" * 16, b"b" * 16] * 600) == {b"a" * 16}
        state.complete({"files": 1})
    with State(path, IDENTITY) as state:
        assert state.is_complete
        assert state.facts == {"files": 1}


def test_only_its_owner_may_read_it(tmp_path):
    with State(tmp_path / "s", IDENTITY):
        assert (tmp_path / "s").stat().st_mode & 0o077 == 0


def test_another_source_is_refused_until_the_state_is_begun_again(tmp_path):
    path = tmp_path / "s"
    with State(path, IDENTITY) as state:
        state.commit({"line": 1}, Counts(read=1), [b"a" * 16])
    with pytest.raises(SettingsError, match="--restart"):
        State(path, {**IDENTITY, "files": []})
    with State(path, {**IDENTITY, "files": []}, restart=True) as state:
        assert state.position is None
        assert not state.known([b"a" * 16])


def test_a_second_run_is_refused(tmp_path):
    path = tmp_path / "s"
    with State(path, IDENTITY), pytest.raises(SettingsError, match="in use"):
        State(path, IDENTITY)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"{}"])
def test_another_file_is_not_overwritten(tmp_path, content):
    path = tmp_path / "s"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="no state file"):
        State(path, IDENTITY)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match="--state FILE"):
        State(tmp_path / "absent" / "s", IDENTITY)


def test_a_kill_between_commits_leaves_the_last_one(tmp_path):
    path = tmp_path / "s"
    program = f"""
import sys
from pathlib import Path
from oncofhir.ingest.backfill.counts import Counts
from oncofhir.ingest.backfill.state import State
with State(Path({str(path)!r}), {IDENTITY!r}) as state:
    for n in range(1, 1000000):
        state.commit({{"line": n}}, Counts(read=n), [n.to_bytes(16, "big")])
        print(n, flush=True)
"""
    last = 0
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as running:
        for line in running.stdout:
            last = int(line)
            if last == 150:
                os.kill(running.pid, signal.SIGKILL)
    with State(path, IDENTITY) as state:
        committed = state.position["line"]
        assert committed - last in (0, 1)  # the kill may come between a commit and its line
        assert state.counts.read == committed
        marks = [n.to_bytes(16, "big") for n in range(1, committed + 2)]
        assert state.known(marks) == set(marks[:-1])
