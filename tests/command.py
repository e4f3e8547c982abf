"""Runs an `oncofhir` command: within this process, which costs only its work, or as a process, as a user does."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from typer.testing import CliRunner

from oncofhir.cli.main import app
from tests.waiting import PATIENCE_SECONDS


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
    *arguments: object, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> Ended:
    """Run a command as a process."""
    ended = subprocess.run(
        [sys.executable, "-m", "oncofhir", *map(str, arguments)],
        input=stdin,
        env=os.environ | dict(environment or {}),
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)
