"""Prints results: JSON lines on stdout for scripts, tables for a person at a terminal."""

import json
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console


def json_line(result: Any, stream: TextIO | None = None) -> None:
    """Print one JSON object on one line, ASCII-escaped, and flush."""
    print(json.dumps(plain(result), ensure_ascii=True), file=stream or sys.stdout, flush=True)


def plain(result: Any) -> Any:
    """The value as JSON types; pydantic models are dumped in JSON mode."""
    from pydantic import BaseModel

    if isinstance(result, BaseModel):
        return result.model_dump(mode="json")
    if isinstance(result, dict):
        return {key: plain(value) for key, value in result.items()}
    if isinstance(result, list | tuple):
        return [plain(value) for value in result]
    return result


def pluralize(count: int, noun: str) -> str:
    """A count and its noun: 1 record, 2 records."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def wants_tables(as_json: bool) -> bool:
    """Whether a person reads the output: stdout is a terminal, and `--json` is not given."""
    return not as_json and sys.stdout.isatty()


def console() -> "Console":
    """The console for results: stdout."""
    from rich.console import Console

    return Console(file=sys.stdout)


def progress_console() -> "Console":
    """The console for progress and explanations: stderr."""
    from rich.console import Console

    return Console(file=sys.stderr)
