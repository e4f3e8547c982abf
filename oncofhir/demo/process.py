"""A child process for the demo or a test, which is always stopped again."""

import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx2

STOP_SECONDS = 5.0
# Ephemeral ports: Linux 32768 and up, others 49152 and up. Kubernetes NodePorts begin at 30000.
_NOT_EPHEMERAL = range(15_000, 30_000)
_TRIES = 100


class StartError(Exception):
    """A program did not start. The message has its name and the end of its output."""


def free_port() -> int:
    """Return a free port of 127.0.0.1.

    It lies outside the ephemeral range, from which a client's connection could take it before the server
    listens.

    Raises:
        StartError: there is none.
    """
    for _ in range(_TRIES):
        port = secrets.choice(_NOT_EPHEMERAL)  # independent of the seeds that tests set
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    first, last = _NOT_EPHEMERAL[0], _NOT_EPHEMERAL[-1]
    raise StartError(
        f"no free port of 127.0.0.1 was found between {first} and {last}: stop programs that listen there"
    )


def responds(url: str) -> bool:
    """Return whether a GET request succeeds; the URL is one of http."""
    try:
        # verify: a client loads all certificate authorities of the system, which takes 40 ms.
        return httpx2.get(url, timeout=2.0, trust_env=False, verify=False).is_success
    except httpx2.HTTPError:
        return False


class Process:
    """A program with its own log file and process session. `stop` ends the whole session.

    A context manager: no process is left when it exits.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        wait_seconds: float = 60.0,
    ) -> None:
        self.name = name
        self._command = list(command)
        self._ready = ready
        self._environment = {**os.environ, **(environment or {})}
        self._folder = folder
        self._wait = wait_seconds
        self._log = self._new_log()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        """The file with the program's output."""
        return Path(self._log.name)

    @property
    def returncode(self) -> int | None:
        """The exit status, None while it runs or before it was started."""
        return self._process.poll() if self._process else None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def _new_log(self) -> IO[bytes]:
        return tempfile.NamedTemporaryFile(
            prefix=f"oncofhir-{self.name}-", suffix=".log", delete=False
        )

    def start(self) -> None:
        """Start the program, also again after `stop`, and wait until it is ready.

        Raises:
            StartError: it ended, or was not ready in time. It is stopped.
        """
        if self._log.closed:
            self._log = self._new_log()
        self._process = subprocess.Popen(
            self._command,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=self._environment,
            cwd=self._folder,
            start_new_session=True,
        )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self._wait
        while not self._ready():
            if process.poll() is not None:
                raise StartError(f"{self.name} ended at its start:\n{self.last_output()}")
            if time.monotonic() > deadline:
                late = f"{self.name} was not ready in {self._wait:.0f} s"
                raise StartError(f"{late}:\n{self.last_output()}")
            time.sleep(0.05)

    def last_output(self, lines: int = 8) -> str:
        """The end of its output."""
        text = self.log_file.read_text(errors="replace") if self.log_file.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def stop(self, *, wait_seconds: float = STOP_SECONDS) -> None:
        """SIGTERM, and SIGKILL after `wait_seconds`, to its whole session; may be called twice."""
        process = self._process
        if process is not None and process.poll() is None:
            _signal(process.pid, signal.SIGTERM)
            try:
                process.wait(wait_seconds)
            except subprocess.TimeoutExpired:
                _signal(process.pid, signal.SIGKILL)
                process.wait()
        self._log.close()
        self.log_file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return
