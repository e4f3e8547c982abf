"""The reference pages are what the code generates, and their examples work."""

import json

import pytest

from docs.generate.envelopes import EXAMPLES, REFERENCE
from docs.generate.pages import FOLDER, pages
from docs.generate.rows import DESCRIPTIONS, described
from oncofhir.consumers.envelopes.decode import decode
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow, RowStatus
from oncofhir.settings import setting_infos

PAGES = pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_generates(name):
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run python -m docs.generate"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_every_envelope_announces_the_report(example):
    (event,) = decode(example.raw, example.headers, "topic")
    assert f"{event.source.type}/{event.source.id}" == REFERENCE
    text = example.value if isinstance(example.value, str) else json.dumps(example.value, indent=2)
    assert text in PAGES["envelopes.md"]


@pytest.mark.parametrize("model", [PhenotypeRow, OutcomeRow])
def test_every_column_is_described(model):
    assert all(described(model, name).endswith(".") for name in model.model_fields)


@pytest.mark.parametrize("statuses", [RowStatus, OutcomeStatus])
def test_every_status_is_described_and_nothing_else(statuses):
    assert set(DESCRIPTIONS[statuses.__name__]) == {status.value for status in statuses}


def test_every_setting_is_described_in_sentences():
    for info in setting_infos():
        assert info.description.endswith((".", ".)")), info.variable
        assert f"| `{info.variable}` |" in PAGES["settings.md"]
