"""The help of every command: complete at 80 columns, with examples that the command accepts."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner

from oncofhir.cli.help import OPERATE_IT, RECOVER, RUN_IT, TRY_IT
from oncofhir.cli.main import app
from oncofhir.cli.options import ModelApiChoice
from oncofhir.settings import ModelApi

ROOT = typer.main.get_command(app)
# Typer and Python name these; a reader needs what to write there.
TYPES = re.compile(r" <\w+(\[\w+\])?> |\b(TEXT|INTEGER|FLOAT|BOOLEAN|FILENAME|DIRECTORY)\b")
# What a command needs to show its help; everything else is imported when it runs.
HEAVY = {"fhir", "httpx2", "kafka", "lxml", "pydantic", "starlette", "structlog"}


def commands(command=ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    yield path, command
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, (*path, name))


EVERY = dict(commands())


def help_of(path: tuple[str, ...]) -> str:
    ended = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "80", "TERM": "dumb"})
    assert ended.exit_code == 0
    return ended.stdout


def words(text: str) -> set[str]:
    """The words of a text without frames; a markup escape is what it shows."""
    return set(re.sub(r"[│╭╮╰╯─]", " ", text.replace(r"\[", "[")).split())


def described(command) -> Iterator[str]:
    yield command.help
    for param in command.params:
        yield param.help or ""


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_help_fits_80_columns_and_cuts_no_word(path):
    text = help_of(path)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "…" not in text
    for part in described(EVERY[path]):
        assert words(part) <= words(text), sorted(words(part) - words(text))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_help_names_what_to_write_and_not_its_python_type(path):
    assert not TYPES.search(help_of(path))
    assert all(param.help for param in EVERY[path].params)


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_sentences_are_not_broken_in_the_middle(path):
    """A paragraph of a docstring is one line of the help, so that the terminal decides where it wraps."""
    for paragraph in EVERY[path].help.split("\n\n"):
        assert "\n" not in paragraph or paragraph.startswith("Examples:")


def examples(path: tuple[str, ...]) -> list[list[str]]:
    _, _, below = EVERY[path].help.partition("Examples:\n")
    lines = [line.strip() for line in below.partition("\n\n")[0].splitlines()]
    calls = [line.partition("oncofhir ")[2] for line in lines if "oncofhir " in line]
    return [shlex.split(re.split(r" [|>] ", call)[0]) for call in calls]


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_help_has_examples_that_name_real_commands_and_options(path):
    places = []
    for arguments in examples(path):
        depth = max(n for n in range(len(arguments) + 1) if tuple(arguments[:n]) in EVERY)
        places.append(tuple(arguments[:depth]))
        options = {name for param in EVERY[places[-1]].params for name in param.opts}
        given = {word for word in arguments[depth:] if word.startswith("-") and word != "-"}
        assert given <= options
    assert any(place[: len(path)] == path for place in places)


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_examples_are_indented(path):
    lines = help_of(path).splitlines()
    first = next(n for n, line in enumerate(lines) if line.strip() == "Examples:") + 1
    shown = lines[first : first + len(examples(path))]
    assert all(line.startswith("     ") for line in shown), shown


@pytest.mark.parametrize("path", [p for p, c in EVERY.items() if not hasattr(c, "commands")])
def test_every_command_says_its_exit_statuses(path):
    assert "Exit status:" in EVERY[path].help


def test_commands_are_grouped_by_what_an_operator_wants():
    text = help_of(())
    places = [text.index(f" {panel} ") for panel in (TRY_IT, RUN_IT, OPERATE_IT, RECOVER)]
    assert places == sorted(places)
    assert " Commands " not in text


def test_completion_can_be_installed():
    completed = CliRunner().invoke(
        app,
        [],
        prog_name="oncofhir",
        env={
            "_ONCOFHIR_COMPLETE": "complete_bash",
            "COMP_WORDS": "oncofhir dead-letters re",
            "COMP_CWORD": "2",
        },
    )
    assert completed.stdout.split() == ["replay"]
    assert "--install-completion" in help_of(())


def test_help_is_shown_before_anything_heavy_is_imported():
    script = "import sys, oncofhir.cli.main; print(*{m.partition('.')[0] for m in sys.modules})"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(ended.stdout.split())


def test_the_version_names_prompt_sets_and_the_embedded_model():
    lines = CliRunner().invoke(app, ["--version"]).stdout.splitlines()
    assert re.fullmatch(r"oncofhir \d+\.\d+\.\d+", lines[0])
    assert re.search(r"\bcancerllm@\d", lines[1])
    assert re.fullmatch(r"embedded model: oncofhir-small, sha256:[0-9a-f]{64}", lines[2])


def test_a_url_can_have_every_api_that_is_http():
    assert {api.value for api in ModelApiChoice} == set(ModelApi) - {ModelApi.TRANSFORMERS}
