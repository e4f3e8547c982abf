"""Markdown that the generated pages share."""

import json
from collections.abc import Iterable, Sequence
from typing import Any


def head(title: str, audience: str, source: str) -> str:
    """The title, the audience and type of the page, and what it is generated from."""
    return (
        f"# {title}\n\n*Audience: {audience}. Type: reference. Generated from `{source}` by "
        "`python -m docs.generate`; do not edit.*\n"
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; pipes within cells are escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return (
        "\n".join(
            f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines
        )
        + "\n"
    )


def code(text: str, language: str = "") -> str:
    """A code block."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def json_block(value: Any) -> str:
    """A value as a code block of JSON."""
    return code(json.dumps(value, indent=2, ensure_ascii=False), "json")
