"""Tables on a terminal of 80 columns: no line is longer, no word is cut."""

import re
from pathlib import Path

import pytest

from tests.command import run_here, run_on_terminal

DATASET = Path(__file__).parents[2] / "data" / "labelled.jsonl"


@pytest.mark.scenario
def test_scores_show_whole_words_and_comparisons_too(tmp_path):
    dataset = tmp_path / "labelled.jsonl"
    dataset.write_text("".join(DATASET.read_text().splitlines(keepends=True)[:2]))
    results = [tmp_path / "a.json", tmp_path / "b.json"]
    evaluated = run_here("evaluate", dataset, "--model", "rules")
    for file in results:
        file.write_bytes(evaluated.stdout)
    for text, words in (
        (
            run_on_terminal("evaluate", dataset, "--model", "rules"),
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
            run_on_terminal("evaluate", "--compare", *results),
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
    text = run_on_terminal(*arguments)
    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    shown = re.sub(r"[`.,]", " ", text)
    assert words <= set(shown.split())


def test_an_error_is_wrapped_at_blanks():
    text = run_on_terminal("worker")
    assert all(len(line) <= 80 for line in text.splitlines())
    assert " ".join(text.split()).startswith(
        "oncofhir: set ONCOFHIR_MODEL__URL to the URL of the model"
    )


@pytest.mark.parametrize("options", [(), ("--describe",)])
def test_config_show_names_the_default_beside_a_changed_value_and_no_other(options):
    changed = {
        "ONCOFHIR_KAFKA__GROUP_ID": "mine",
        "ONCOFHIR_FHIR__STAGING_SYSTEM": "uicc",
        "ONCOFHIR_HTTP__PORT": "8080",
        "ONCOFHIR_KAFKA__CLIENT_ID": "a\n\x1b[31mb",
    }
    lines = run_on_terminal("config", "show", *options, environment=changed).splitlines()
    assert "ONCOFHIR_KAFKA__GROUP_ID=mine  [environment, default: oncofhir]" in lines
    assert "ONCOFHIR_FHIR__STAGING_SYSTEM=uicc  [environment, default: (not set)]" in lines
    assert "ONCOFHIR_HTTP__PORT=8080  [environment]" in lines
    assert 'ONCOFHIR_KAFKA__CLIENT_ID="a\\n\\u001b[31mb"  [environment, default: oncofhir]' in lines
    assert sum(" default: " in line and line.endswith("]") for line in lines) == 3
