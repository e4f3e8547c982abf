"""Code blocks of the pages: data is well-formed, scripts parse, and every command of ours is one that the program takes."""

import ast
import json
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from docs.site.blocks import Block, blocks, commands
from oncofhir.cli.main import app

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("helm/oncofhir/*.md"),
        *ROOT.glob("model/*.md"),
    }
    - {ROOT / "CHANGELOG.md"}
)
PARSERS = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
    "python": ast.parse,
    "py": ast.parse,
}
LANGUAGES = {"", "sh", "bash", "text", "sql", "promql", "console", "mermaid", "ini", *PARSERS}
BLOCKS = [(page, block) for page in PAGES for block in blocks(page)]
CALLS = [(page, words) for page, block in BLOCKS for words in commands(block)]
# Commands that need no server, file or setting of the reader's: they are run as they are.
RUNNABLE = (["reasons"], ["config", "example"], ["schemas", "print"])


def named(value):
    page, block = value
    detail = block.line if isinstance(block, Block) else "-".join(block)
    return f"{page.relative_to(ROOT)}:{detail}"


@pytest.mark.parametrize("found", BLOCKS, ids=named)
def test_a_block_is_well_formed(found):
    block = found[1]
    assert block.language in LANGUAGES
    if block.language in PARSERS:
        PARSERS[block.language](block.text)
    elif block.language in {"sh", "bash"} and not block.text.lstrip().startswith("oncofhir"):
        checked = subprocess.run(
            ["bash", "-n"], input=block.text, capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, checked.stderr


def resolve(words):
    """The command that words call, and its arguments."""
    command, rest = typer.main.get_command(app), list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    return command, rest


@pytest.mark.parametrize("found", CALLS, ids=named)
def test_the_program_takes_every_command(found):
    """Every option exists and has a value of its type; files of the reader's need not exist."""
    command, rest = resolve(found[1])
    if {"--help", "--version", "--install-completion", "--show-completion"} & set(rest):
        rest = [word for word in rest if not word.startswith("--")]
        assert not rest
        return
    needs_command = getattr(command, "commands", {}) and not command.invoke_without_command
    assert not needs_command, f"{found[1]} is a group: it needs a command"
    try:
        command.make_context("oncofhir", rest)
    except Exception as error:
        if not str(error).endswith("does not exist."):
            raise


@pytest.mark.parametrize(
    "words",
    [words for _, words in CALLS if any(words[: len(run)] == run for run in RUNNABLE)],
    ids="-".join,
)
def test_what_needs_nothing_runs(words):
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip()


def test_enough_commands_are_found():
    """The search has not gone blind."""
    assert len(CALLS) > 80
    assert len(BLOCKS) > 90


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oncofhir demo      the whole service", [["demo"]]),
        ("A=b .venv/bin/oncofhir extract x.txt  # note", [["extract", "x.txt"]]),
        ("oncofhir retract --model 4f2a… \\\n    --dry-run > out", [["retract", "--model", "4f2a…", "--dry-run"]]),
        ("oncofhir sink [--once]", []),
        ("helm template oncofhir helm/oncofhir", []),
    ],
)  # fmt: skip
def test_commands_of_a_block(text, expected):
    assert list(commands(Block("sh", text, 1))) == expected
