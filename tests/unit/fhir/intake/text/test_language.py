"""A report in another language is told where it is certain; English never is, however short or table-like."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.intake.text.language import other_language
from tests.reading_cases import FILES, cases_of

TEXTS = tomllib.loads(
    (Path(__file__).parents[4] / "data" / "languages.toml").read_text(encoding="utf-8")
)
# Of these short texts the detector is not sure: they are read.
UNSURE = {
    "Mammakarzinom links, inv",
    "Venstre mamma: invasivt ",
    "Vasen rinta, paksuneulab",
    "Sol meme, kalın iğne biy",
}
FOREIGN = [row for row in TEXTS["foreign"] if row["text"][:24] not in UNSURE]
WORDS = sorted(
    {word for file in FILES[:6] for case in cases_of(file) for word in case.text.split()}
)


@pytest.mark.parametrize("row", FOREIGN, ids=lambda row: row["text"][:20])
def test_another_language_is_told(row):
    assert other_language(row["text"], {"en"}) == row["language"]
    assert other_language(row["text"], {"en", row["language"]}) is None
    assert other_language(row["text"].upper(), {"en"}) == row["language"]


@pytest.mark.parametrize("row", TEXTS["foreign"], ids=lambda row: row["text"][:20])
def test_no_language_is_told_wrongly(row):
    assert other_language(row["text"], {"en"}) in {None, row["language"]}


@pytest.mark.parametrize("text", TEXTS["english"])
def test_short_texts_and_tables_are_read(text):
    assert other_language(text, {"en"}) is None
    assert other_language(text.upper(), {"en"}) is None


@pytest.mark.parametrize("file", FILES)
def test_no_english_case_is_taken_for_another_language(file):
    told = {case.id: other_language(case.text, {"en"}) for case in cases_of(file)}
    upper = {case.id: other_language(case.text.upper(), {"en"}) for case in cases_of(file)}
    assert not {ident for ident, language in (told | upper).items() if language}


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=80), st.sampled_from([" ", "\n", "   "])
)
def test_words_of_english_reports_in_any_order_are_read(words, between):
    assert other_language(between.join(words), {"en"}) is None


@given(st.text(max_size=300))
def test_any_text_has_a_language_or_none(text):
    assert other_language(text, {"en"}) is None or other_language(text, {"en"}) != "en"
