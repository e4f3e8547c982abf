"""Tables on a terminal of 80 columns: no line is longer, no word is cut."""

import fcntl
import os
import pty
import re
import struct
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from tests.command import run_here, start_process

DATASET = Path(__file__).parents[2] / "data" / "labelled.jsonl"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(autouse=True)
def _no_other_width(monkeypatch):
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


def on_80_columns(*arguments: object) -> str:
    """What a command writes to a terminal of 80 columns and 24 lines."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    running = start_process(*arguments, stdout=child, stderr=child, environment={"TERM": "xterm"})
    os.close(child)
    written = b""
    with suppress(OSError):  # the terminal is closed when the command ends
        while chunk := os.read(parent, 65536):
            written += chunk
    os.close(parent)
    running.wait(60)
    return ESCAPE.sub("", written.decode().replace("\r\n", "\n"))


def test_scores_show_whole_words_and_comparisons_too(tmp_path):
    dataset = tmp_path / "labelled.jsonl"
    dataset.write_text("".join(DATASET.read_text().splitlines(keepends=True)[:2]))
    results = [tmp_path / "a.json", tmp_path / "b.json"]
    evaluated = run_here("evaluate", dataset, "--model", "rules")
    for file in results:
        file.write_bytes(evaluated.stdout)
    for text, words in (
        (
            on_80_columns("evaluate", dataset, "--model", "rules"),
            {
                "precision",
                "recall",
                "lenient",
                "wrong/100",
                "tumor_laterality",
                "histological_type",
            },
        ),
        (
            on_80_columns("evaluate", "--compare", *results),
            {"difference", "tumor_laterality", "hormone_receptors", "oncofhir-rules."},
        ),
    ):
        assert words <= set(text.split())
        assert "…" not in text
        assert all(len(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["reasons"], {"unsupported-resource-type", "(dead-letter)", "ONCOFHIR_FHIR__BASE_URL"}),
        (["config", "show", "--describe"], {"ONCOFHIR_KAFKA__GROUP_ID=oncofhir", "Consumer"}),
    ],
)
def test_lists_show_whole_words(arguments, words):
    text = on_80_columns(*arguments)
    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    shown = re.sub(r"[`.,]", " ", text)
    assert words <= set(shown.split())


def test_an_error_is_wrapped_at_blanks():
    text = on_80_columns("worker")
    assert all(len(line) <= 80 for line in text.splitlines())
    assert " ".join(text.split()).startswith(
        "oncofhir: set ONCOFHIR_MODEL__URL to the URL of the model"
    )
