"""The table of reasons is complete, and the page is printed from it."""

from pathlib import Path

from oncofhir.schemas.reasons import REASONS, Reason, reasons_table

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "reasons.md"


def test_every_reason_has_its_entry():
    assert set(REASONS) == set(Reason)
    assert list(REASONS) == list(Reason), "the page keeps the order of the codes"
    assert all(entry.meaning and entry.remedy for entry in REASONS.values())


def test_the_page_is_what_the_table_prints():
    assert PAGE.read_text(encoding="utf-8") == reasons_table(), "print reasons_table() to the page"
