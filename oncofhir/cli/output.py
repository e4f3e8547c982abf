"""Prints results: JSON lines on stdout for scripts, tables for a person at a terminal."""

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any, TextIO

import typer

if TYPE_CHECKING:
    from rich.console import Console

_LEAST_COLUMNS = 20  # for text beside an indentation, on a terminal that is narrower


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


def note(message: str) -> None:
    """Write one line for the person who runs the command to stderr, after the program's name."""
    typer.echo(fitted(f"oncofhir: {message}", sys.stderr), err=True)


def fitted(text: str, stream: TextIO, first: str = "", others: str = "  ") -> str:
    """The text as `stream` should get it: a terminal wrapped to its width, anything else one line as it is.

    Lines break at blanks only, so that paths, settings and commands can be copied. `first` precedes the first
    line of each paragraph, `others` the lines below it.
    """
    if not stream.isatty():
        return "\n".join(first + line for line in text.splitlines())
    width = shutil.get_terminal_size().columns
    return "\n".join(
        textwrap.fill(
            line,
            width=max(width, len(others) + _LEAST_COLUMNS),
            initial_indent=first,
            subsequent_indent=others,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )


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
