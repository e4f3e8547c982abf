"""The table of reasons is complete, can be pasted from, and is what the reference page prints."""

import re
import tomllib
from pathlib import Path

import pytest

from oncofhir.schemas import reasons
from oncofhir.schemas.finding import Rejection
from oncofhir.schemas.reasons import Reason, reference_page
from oncofhir.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "reasons.md"
DATA = Path(reasons.__file__).with_name("reasons.toml")


def names_of_settings():
    return {
        f"ONCOFHIR_{group}__{name}".upper()
        for group, field in Settings.model_fields.items()
        for name in getattr(field.annotation, "model_fields", {})
    }


def test_every_code_has_one_entry_in_the_order_of_the_codes():
    assert list(tomllib.loads(DATA.read_text())) == [reason.value for reason in Reason]


@pytest.mark.parametrize("reason", Reason)
def test_each_text_is_sentences_and_names_settings_as_they_are_set(reason):
    for text in (reason.meaning, reason.remedy):
        assert text == text.strip()
        assert text.endswith((".", ".)"))
    quoted = re.findall(r"`([A-Z_]+__[A-Z_]+)(?:=\w+)?`", reason.meaning + reason.remedy)
    assert set(quoted) <= names_of_settings()


def test_every_code_of_a_rejected_value_is_explained_here_and_in_the_page_of_the_output():
    entries = tomllib.loads(DATA.with_name("rejections.toml").read_text())
    assert list(entries) == [code.value for code in Rejection]
    table = PAGE.with_name("output.md").read_text().partition("## Rejected values")[2]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == list(entries)
    for code in Rejection:
        assert code.meaning.endswith(".")
        assert code.remedy.endswith(".")
        quoted = re.findall(r"`(ONCOFHIR_[A-Z_]+)`", code.remedy)
        assert set(quoted) <= names_of_settings()


def test_the_page_is_what_the_table_prints():
    assert PAGE.read_text(encoding="utf-8") == reference_page(), (
        "print reference_page() to the page"
    )
