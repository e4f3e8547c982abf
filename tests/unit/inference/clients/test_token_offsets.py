"""Where tokens end, in characters, from bytes, characters, pieces and a tokenizer's own strings."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.inference.clients.token_offsets import (
    ends_of_pieces,
    ends_of_spans,
    ends_of_strings,
    evenly_spaced_ends,
)

TEXTS = st.text(min_size=1, max_size=40)


def split(text, cuts):
    borders = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return list(itertools.pairwise(borders))


@given(TEXTS, st.lists(st.integers(0, 1000), max_size=8))
def test_offsets_in_bytes_are_converted(text, cuts):
    """Of a text with several bytes a character the last offset shows that offsets are bytes."""
    spans = split(text, cuts)
    size = lambda at: len(text[:at].encode("utf-8", "surrogatepass"))  # noqa: E731
    found = ends_of_spans(text, [(size(a), size(b)) for a, b in spans])
    assert found == tuple(b for _, b in spans)


@given(TEXTS, st.lists(st.integers(0, 1000), max_size=8))
def test_offsets_in_characters_stay(text, cuts):
    spans = split(text, cuts)
    assert ends_of_spans(text, spans) == tuple(b for _, b in spans)


@given(TEXTS, st.lists(st.integers(0, 1000), max_size=20))
def test_pieces_may_end_inside_a_character(text, cuts):
    raw = text.encode("utf-8", "surrogatepass")
    pieces = [raw[a:b] for a, b in split(raw, cuts)]
    found = ends_of_pieces(text, pieces)
    assert len(found) == len(pieces)
    assert list(found) == sorted(found)
    assert found[-1] == len(text)


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 0)] * 5,  # TGI that cannot write ./out
        [],
        [(0, 4), (4, 2)],
        [(0, 4), (4, 400)],
        [(0, 4)],  # the end of the text is missing
    ],
)
def test_impossible_offsets_are_refused(spans):
    assert ends_of_spans("left breast, 2.3 cm", spans) is None


def test_special_tokens_have_no_size():
    assert ends_of_spans("left", [(0, 0), (0, 2), (2, 4), (0, 0)]) == (2, 4)


@pytest.mark.parametrize(
    "strings",
    [
        ["Gr", "\u00c3", "\u00b6", "\u00c3\u0141", "e", "\u0120cm"],  # byte-level BPE
        ["\u2581Gr", "\u00f6", "<0xC3>", "<0x9F>", "e", "\u2581cm"],  # SentencePiece
    ],
)
def test_a_tokenizers_own_strings(strings):
    found = ends_of_strings("Gr\u00f6\u00dfe cm", strings)
    assert found[-1] == 8
    assert found[0] == 2
    assert len(found) == len(strings)


def test_other_strings_are_refused_and_only_their_number_used():
    assert ends_of_strings("left breast", ["le", "ft"]) is None
    assert evenly_spaced_ends("left breast", 2) == (6, 11)
