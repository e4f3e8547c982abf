"""Prints results: JSON lines on stdout for scripts, tables for a person at a terminal."""

import json
import sys
from typing import Any, TextIO

from pydantic import BaseModel
from rich.console import Console


def json_line(result: Any, stream: TextIO | None = None) -> None:
    """One JSON object on one line, ASCII-escaped, flushed."""
    print(json.dumps(plain(result), ensure_ascii=True), file=stream or sys.stdout, flush=True)


def plain(result: Any) -> Any:
    """The value as JSON types; models are dumped as JSON would have them."""
    if isinstance(result, BaseModel):
        return result.model_dump(mode="json")
    if isinstance(result, dict):
        return {key: plain(value) for key, value in result.items()}
    if isinstance(result, list | tuple):
        return [plain(value) for value in result]
    return result


def counted(count: int, one: str) -> str:
    """A count and its noun: 1 record, 2 records."""
    return f"{count} {one}" if count == 1 else f"{count} {one}s"


def wants_tables(as_json: bool) -> bool:
    """Whether a person reads the output: a terminal, and no `--json`."""
    return not as_json and sys.stdout.isatty()


def console() -> Console:
    """Where tables go."""
    return Console(file=sys.stdout)


def progress_console() -> Console:
    """Where progress and explanations go: stderr."""
    return Console(file=sys.stderr)
