"""What a reviewer may choose: each code once, found by all its names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.schemas.finding import Kind
from oncofhir.terminology.choices import choices, search_choices

KINDS = [kind for kind in Kind if choices(kind)]
WORDS = ("", "carcinoma", "cancer", "breast", "of", "structure", "malignant", "lcis", "c50", "a")


@given(st.sampled_from(KINDS), st.sampled_from(WORDS) | st.text(max_size=6))
def test_no_two_choices_have_one_code(kind, text):
    found = search_choices(kind, text, None, 5_000)
    codes = [(c.slot, c.coding.system, c.coding.code) for c in found if c.coding]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_finds_its_code_and_keeps_the_name_that_was_typed(kind):
    for name in choices(kind)[::7]:
        found = search_choices(kind, name.value, name.slot, 5_000)
        assert name.coding in [choice.coding for choice in found]
        assert found[0].value.lower() == name.value.lower()


def test_a_synonym_that_was_found_is_the_detail():
    (infiltrating, *_) = search_choices(Kind.HISTOLOGICAL_TYPE, "no special", None, 10)
    assert infiltrating.value == "invasive ductal carcinoma"
    assert infiltrating.detail == "invasive carcinoma of no special type"
    (lung, *_) = search_choices(Kind.DIAGNOSIS, "bronchogenic", None, 10)
    assert (lung.value, lung.detail) == ("lung cancer", "bronchogenic carcinoma")


def test_what_the_page_shows_is_found():
    assert search_choices(Kind.DIAGNOSIS, "vulvar cancer", None, 1)[0].value == "vulva cancer"


def test_without_a_text_the_first_names_come_in_their_order():
    found = search_choices(Kind.DIAGNOSIS, "", None, 3)
    assert [choice.value for choice in found] == ["breast cancer", "lung cancer", "prostate cancer"]
