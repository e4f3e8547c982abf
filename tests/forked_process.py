"""A process that runs a Python module, forked from a server that has imported it, with the interface of `Popen`."""

import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Self

PIPE, DEVNULL = subprocess.PIPE, subprocess.DEVNULL
_ROOT = Path(__file__).parents[1]


class ForkedProcess:
    """`python -m MODULE ARGUMENTS` without the second that its imports take; see `tests/fork_server.py`.

    `packages` are what the fork server imports before, once in a test run. `environment` is all of it. Files are
    given as to `Popen`; without `text` they are bytes.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[object] = (),
        *,
        packages: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        cwd: os.PathLike[str] | str | None = None,
        stdin: IO[Any] | int | None = None,
        stdout: IO[Any] | int | None = None,
        stderr: IO[Any] | int | None = None,
        text: bool = False,
    ) -> None:
        self.returncode: int | None = None
        request = {
            "module": module,
            "arguments": [*map(str, arguments)],
            "packages": [*packages],
            "environment": dict(os.environ if environment is None else environment),
            "folder": str(cwd or Path.cwd()),
        }
        opened: list[int] = []
        pipes: list[IO[Any] | None] = []
        files: list[int] = []
        for number, wanted in enumerate((stdin, stdout, stderr)):
            theirs, ours = _file(number, wanted, opened)
            files.append(theirs)
            mode = "w" if number == 0 else "r"
            pipes.append(
                None
                if ours is None
                else os.fdopen(ours, mode if text else f"{mode}b", -1 if text else 0)
            )
        self.stdin, self.stdout, self.stderr = pipes
        self._status, status = os.pipe()
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(request).encode())
            file.seek(0)
            _server().request([file.fileno(), *files, status])
        for each in (*opened, status):
            os.close(each)
        self.pid = self._number()

    def poll(self) -> int | None:
        """Return the exit status, minus the signal's number if one ended it, or None while it runs."""
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self._end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Raises:
            subprocess.TimeoutExpired: it takes longer.
        """
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self._end()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[Any, Any]:
        """Read stdout and stderr to their end, and wait for the end of the process."""
        with ThreadPoolExecutor(2) as readers:
            reading = [
                None if stream is None else readers.submit(_rest, stream)
                for stream in (self.stdout, self.stderr)
            ]
            try:
                self.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
            out, err = (None if each is None else each.result(timeout) for each in reading)
        return out, err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdout, self.stderr, self.stdin):
            if stream is not None:
                stream.close()
        self.wait()

    def _end(self) -> None:
        self.returncode = self._number()
        os.close(self._status)

    def _number(self) -> int:
        read = b""
        while not read.endswith(b"\n"):
            more = os.read(self._status, 1)
            assert more, "the fork server has ended"
            read += more
        return int(read)


def _rest(stream: IO[Any]) -> Any:
    with stream:
        return stream.read()


def _file(number: int, wanted: IO[Any] | int | None, opened: list[int]) -> tuple[int, int | None]:
    """The process' end of a standard file, and ours if it is a pipe; remembers what is to be closed here."""
    ours = None
    if wanted == PIPE:
        reading, writing = os.pipe()
        theirs, ours = (reading, writing) if number == 0 else (writing, reading)
        opened.append(theirs)
    elif wanted == DEVNULL:
        theirs = os.open(os.devnull, os.O_RDWR)
        opened.append(theirs)
    elif wanted is None:
        theirs = number
    else:
        theirs = wanted if isinstance(wanted, int) else wanted.fileno()
    return theirs, ours


class _Server:
    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self.stop)

    def request(self, files: Sequence[int]) -> None:
        with self._lock:
            socket.send_fds(self._control, [b"x"], files)

    def stop(self) -> None:
        self._control.close()
        self._process.wait()


@functools.cache
def _server() -> _Server:
    return _Server()
