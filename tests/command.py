"""Runs an `oncofhir` command: within this process, which costs only its work, or as a process, as a user does."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any

from typer.testing import CliRunner

from oncofhir.cli.main import app
from tests.forked_process import PIPE, ForkedProcess
from tests.waiting import PATIENCE_SECONDS

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# What commands import when they run; the fork server imports it once. Not pyarrow, which has a thread.
_ALL = ("oncofhir.cli.main", "oncofhir.settings", "oncofhir.telemetry.logging", "rich.table")
_PIPELINE = ("oncofhir.consumers",)
_PACKAGES = {
    "backfill": ("oncofhir.cli.backfill", "oncofhir.consumers.kafka", "oncofhir.ingest.backfill"),
    "config": (),
    "evaluate": ("oncofhir.cli.evaluation_run", "oncofhir.evaluation", *_PIPELINE),
    "extract": ("oncofhir.cli.inputs", *_PIPELINE),
    "reasons": (),
    "sink": ("oncofhir.consumers.health", "oncofhir.warehouse.landing.duckdb_landing"),
}


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it wrote."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run_here(
    *arguments: object, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> Ended:
    """Run a command within this process; an error that the command does not handle is raised here.

    Blocks, also where an event loop runs: the command has one of its own, in another thread then.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _invoke(arguments, stdin, environment)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_invoke, arguments, stdin, environment).result()


def _invoke(
    arguments: tuple[object, ...], stdin: bytes, environment: Mapping[str, str] | None
) -> Ended:
    ended = CliRunner().invoke(app, [*map(str, arguments)], input=stdin, env=environment)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return Ended(ended.exit_code, ended.stdout_bytes, ended.stderr_bytes)


def run_process(
    *arguments: object,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    cwd: os.PathLike[str] | str | None = None,
) -> Ended:
    """Run a command as a process, which starts as `start_process` says."""
    with TemporaryFile() as file:
        file.write(stdin)
        file.seek(0)
        process = start_process(
            *arguments, environment=environment, cwd=cwd, stdin=file, stdout=PIPE, stderr=PIPE
        )
        out, err = process.communicate(PATIENCE_SECONDS)
    return Ended(process.wait(), out, err)


def run_on_terminal(
    *arguments: object, columns: int = 80, environment: Mapping[str, str] | None = None
) -> str:
    """What a command writes to a terminal of that width, stdout and stderr, without escape sequences."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {"TERM": "xterm", "COLUMNS": "", "LINES": "", **(environment or {})}
    running = start_process(*arguments, stdout=child, stderr=child, environment=variables)
    os.close(child)
    written = b""
    with suppress(OSError):  # the terminal is closed when the command ends
        while chunk := os.read(parent, 65536):
            written += chunk
    os.close(parent)
    running.wait(PATIENCE_SECONDS)
    return _ESCAPE.sub("", written.decode().replace("\r\n", "\n"))


def start_process(
    *arguments: object, environment: Mapping[str, str] | None = None, **options: Any
) -> ForkedProcess:
    """Start a command as a process that can be killed, with these environment variables besides the present ones.

    It is forked from a process that has imported what it needs: what is tested is what the command does, and not
    how it starts (`tests/unit/cli/test_entry.py`). Options: those of `ForkedProcess`.
    """
    packages = [*_ALL, *_PACKAGES.get(str(arguments[0]), _PIPELINE)]
    environment = os.environ | dict(environment or {})
    return ForkedProcess(
        "oncofhir", arguments, packages=packages, environment=environment, **options
    )
