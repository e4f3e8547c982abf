"""A memory cgroup with a limit, in version 1 or 2, for one program that a benchmark starts. Linux only."""

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_EXIT_SECONDS = 10.0
_ROOT = Path("/sys/fs/cgroup")
MEBIBYTE = 2**20


@dataclass
class MemoryUse:
    """MiB: `working_set` is what the kubelet counts (all but file pages that can be dropped)."""

    working_set: float = 0.0
    anonymous: float = 0.0


class MemoryCgroup:
    """A cgroup of its own below the root, removed at the end of the context.

    Raises:
        OSError: this machine lets nobody make one.
    """

    def __init__(self, limit_bytes: int) -> None:
        first = _ROOT / "memory"
        self._is_v1 = (first / "memory.limit_in_bytes").exists()
        root = first if self._is_v1 else _ROOT
        self._folder = root / f"oncofhir-benchmark-{os.getpid()}"
        self._limit = limit_bytes

    @property
    def version(self) -> int:
        return 1 if self._is_v1 else 2

    def __enter__(self) -> Self:
        self._folder.mkdir()
        try:
            if self._is_v1:
                self._write("memory.limit_in_bytes", self._limit)
            else:
                self._write("memory.max", self._limit)
                self._write("memory.swap.max", 0)
        except OSError:
            self._folder.rmdir()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        deadline = time.monotonic() + _EXIT_SECONDS
        while self.members() and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in self.members():
            os.kill(pid, signal.SIGKILL)
        while self.members():
            time.sleep(0.1)
        self._folder.rmdir()

    def members(self) -> list[int]:
        """Return the processes inside."""
        return [int(pid) for pid in (self._folder / "cgroup.procs").read_text().split()]

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs another one inside, with all that it starts."""
        enter = 'echo $$ > "$0" && exec "$@"'
        return ["/bin/sh", "-c", enter, str(self._folder / "cgroup.procs"), *words]

    def use(self) -> MemoryUse:
        """Return what is in use now."""
        stat = self._values("memory.stat")
        if self._is_v1:
            used, dropped = self._number("memory.usage_in_bytes"), stat["total_inactive_file"]
            anonymous = stat["total_rss"]
        else:
            used, dropped = self._number("memory.current"), stat["inactive_file"]
            anonymous = stat["anon"]
        return MemoryUse((used - dropped) / MEBIBYTE, anonymous / MEBIBYTE)

    def kills(self) -> int:
        """Return how many processes the kernel has killed for memory."""
        return self._values("memory.oom_control" if self._is_v1 else "memory.events")["oom_kill"]

    def _number(self, name: str) -> int:
        return int((self._folder / name).read_text())

    def _values(self, name: str) -> dict[str, int]:
        lines = (self._folder / name).read_text().splitlines()
        return {key: int(value) for key, value in (line.split() for line in lines)}

    def _write(self, name: str, value: int) -> None:
        (self._folder / name).write_text(str(value))
