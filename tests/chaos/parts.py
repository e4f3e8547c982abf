"""The parts of the chaos run as processes: stores behind the proxy, workers that come back, the witness."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from oncofhir.demo.process import Process, free_port, responds


class Proxy(Process):
    """The faulty proxy before a FHIR server; `stop` is an outage, `start` its end."""

    def __init__(
        self,
        base_url: str,
        *,
        share: float,
        hang_seconds: float,
        seed: int,
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        upstream, _, path = base_url.partition("/fhir")
        self.base_url = f"http://127.0.0.1:{self.port}/fhir{path}"
        told = {
            "--upstream": upstream,
            "--port": self.port,
            "--share": share,
            "--hang-seconds": hang_seconds,
            "--seed": seed,
        }
        words = [str(word) for pair in told.items() for word in pair]
        super().__init__(
            "proxy",
            [sys.executable, "-m", "tests.chaos.proxy", *words],
            ready=lambda: responds(f"http://127.0.0.1:{self.port}/_proxy"),
        )


class Workers:
    """A number of workers, each started again when it ended, as a cluster would.

    Args:
        environment: of all; each gets an HTTP port of its own.
        folder: of their logs, one an incarnation.
        mark: a word of their command lines, by which they are told from other processes.
    """

    def __init__(self, environment: Mapping[str, str], folder: Path, mark: str) -> None:
        self._environment = {**os.environ, **environment, "ONCOFHIR_LOG__FORMAT": "json"}
        self._command = [sys.executable, "-X", mark, "-m", "oncofhir", "worker"]
        self._folder = folder
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._logs: dict[int, Path] = {}
        self._started = 0
        self.ended: list[int] = []  # exit statuses of those that nobody stopped

    @property
    def log_files(self) -> list[Path]:
        """What every worker printed, also those that were killed."""
        return sorted(self._folder.glob("worker-*.log"))

    @property
    def slots(self) -> list[int]:
        return sorted(self._running)

    def start(self, slot: int) -> None:
        with self._lock:
            self._start(slot)

    def _start(self, slot: int) -> None:
        self._started += 1
        log = self._folder / f"worker-{slot}-{self._started}.log"
        self._logs[slot] = log
        environment = self._environment | {"ONCOFHIR_HTTP__PORT": str(free_port())}
        with log.open("wb") as out:
            self._running[slot] = subprocess.Popen(
                self._command, env=environment, stdout=out, stderr=out, start_new_session=True
            )

    def wait_until_started(self, slot: int, seconds: float = 60.0) -> None:
        """Until it says so in its log, or the time is over: before, SIGTERM ends it without a word."""
        deadline = time.monotonic() + seconds
        while b'"worker started"' not in self._logs[slot].read_bytes():
            if time.monotonic() > deadline:
                return
            time.sleep(0.1)

    def kill(self, slot: int) -> None:
        """SIGKILL, and start it again."""
        with self._lock:
            process = self._running[slot]
            process.kill()
            process.wait()
            self._start(slot)

    def stop(self, slot: int) -> int:
        """SIGTERM; its exit status."""
        with self._lock:
            process = self._running.pop(slot)
        process.terminate()
        return _ended(process)

    def revive(self) -> None:
        """Start again those that ended by themselves."""
        with self._lock:
            for slot, process in list(self._running.items()):
                status = process.poll()
                if status is not None:
                    self.ended.append(status)
                    self._start(slot)

    def stop_all(self) -> list[int]:
        """SIGTERM to all at once; their exit statuses."""
        with self._lock:
            processes = list(self._running.values())
            self._running.clear()
        for process in processes:
            process.terminate()
        return [_ended(process) for process in processes]


def _ended(process: subprocess.Popen[bytes], wait_seconds: float = 60.0) -> int:
    try:
        return process.wait(wait_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Witness:
    """The witness's process: a context manager; `account` asks it."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.chaos.witness", json.dumps(self._told)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def account(self) -> dict[str, Any]:
        """What it finds now."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("account\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
