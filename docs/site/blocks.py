"""The code blocks of a page, and the commands of `oncofhir` in them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

_COMMAND = re.compile(r"^(?:[A-Z_]+=\S+ +)*(?:\.venv/bin/)?oncofhir (?! )(.+)$")
_END_OF_COMMAND = re.compile(r"\s+(?:[|>#]|&&|2>)|\s{2,}|;")
_USAGE = re.compile(r"[\[\]|]")


class Block(NamedTuple):
    """A code block: its language ("" where none is named), its text, and its first line in the page."""

    language: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """Every code block of a page, fenced or indented, also within lists."""
    parser = MarkdownIt().disable("inline")
    for token in parser.parse(page.read_text(encoding="utf-8")):
        if token.type in {"fence", "code_block"} and token.map:
            yield Block(token.info.strip(), token.content, token.map[0] + 1)


def commands(block: Block) -> Iterator[list[str]]:
    """The words of each command of `oncofhir` in a block, without the program's name.

    Lines that end with a backslash are continued. What follows a pipe, a redirection, a comment or two spaces is left
    out. A line with brackets is the usage of a command and none that one could run.
    """
    if block.language not in {"", "sh", "bash", "console"}:
        return
    for line in re.sub(r"\s*\\\n\s*", " ", block.text).splitlines():
        if found := _COMMAND.match(line.strip()):
            command = _END_OF_COMMAND.split(found[1])[0]
            if not _USAGE.search(command):
                yield shlex.split(command)
