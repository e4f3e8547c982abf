import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oncofhir.review.web.selected_words import MAX_WORDS, passage_at, passages
from oncofhir.review.web.verdict_forms import InvalidForm

TEXT = "Invasive ductal\ncarcinoma. Size 21 mm. No ductal  carcinoma in situ."


def test_a_selection_loses_the_blanks_at_its_ends():
    found = passage_at(TEXT, "26-38")
    assert (found.words, found.start, found.end) == ("Size 21 mm.", 27, 38)
    assert (found.before, found.after) == (TEXT[:27], " No ductal  carcinoma in situ.")


def test_typed_words_are_found_across_line_breaks_and_capitals():
    found = passages(TEXT, "DUCTAL carcinoma")
    assert [f.words for f in found] == ["ductal\ncarcinoma", "ductal  carcinoma"]


@pytest.mark.parametrize(
    "offsets", ["5-5", "9-2", "0-9999", "a-b", "", "-1-3", "1", "25-26 ", "٣-٤"]
)
def test_offsets_that_are_none_of_the_text_are_refused(offsets):
    with pytest.raises(InvalidForm):
        passage_at(TEXT, offsets)


def test_a_selection_of_a_whole_report_is_no_evidence():
    with pytest.raises(InvalidForm, match=str(MAX_WORDS)):
        passage_at("word " * 400, f"0-{MAX_WORDS + 10}")


@pytest.mark.parametrize("words", ["", "  ", "lobular"])
def test_words_that_the_report_does_not_have_are_refused(words):
    with pytest.raises(InvalidForm):
        passages(TEXT, words)


@given(st.text(min_size=1, max_size=60), st.data())
def test_what_is_selected_is_found_again_by_its_words(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assume(text[start:end].strip())
    selected = passage_at(text, f"{start}-{end}")
    assert selected.words == text[selected.start : selected.end]
    found = passages(text, selected.words)
    assert len(found) == 10 or any(f.words.split() == selected.words.split() for f in found)
