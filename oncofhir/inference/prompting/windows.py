"""Splits a report that is too long for one prompt into windows.

A window ends at the end of a specimen part if one ends in its last third, else at the end of a section, else
of a sentence. The next window overlaps it by some sentences, except after a specimen part.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Protocol

from oncofhir.inference.prompting.retrieval import sentences
from oncofhir.schemas.report import Report

CHARACTERS_PER_TOKEN = 3.2  # of English reports with Llama's tokenizer, if none is available
OVERLAP_TOKENS = 120
_LATE = 2 / 3

Span = tuple[int, int]


class Tokenizer(Protocol):
    """Counts the model's tokens: the server, or the model's own `tokenizer.json`."""

    async def token_ends(self, text: str) -> tuple[int, ...] | None:
        """Return the end offsets of the text's tokens, in characters; None if they are unknown."""
        ...


def estimate_token_ends(text: str) -> tuple[int, ...]:
    """Estimate token ends from the length of a text."""
    count = int(len(text) / CHARACTERS_PER_TOKEN) + 1
    return tuple(round(len(text) * at / count) for at in range(1, count + 1))


def windows(report: Report, ends: Sequence[int], most: int) -> list[Span]:
    """Return spans of the report's text of at most `most` tokens, which cover all sentences.

    `ends` are the ends of the text's tokens. A single sentence with more tokens is cut at a token.
    """
    text = report.text
    if len(ends) <= most:
        return [(0, len(text))]
    spans = [piece for span in sentences(text) for piece in _pieces(span, ends, most)]
    parts = {part.end for part in report.parts}
    sections = {section.end for section in report.sections}
    found: list[Span] = []
    first = 0
    while first < len(spans):
        last = _furthest(spans, first, ends, most)
        last, at_part = _preferred(spans, first, last, parts, sections)
        found.append((spans[first][0], spans[last][1]))
        if last + 1 == len(spans):
            break
        first = last + 1 if at_part else _overlapping(spans, first, last, ends)
    return found


def _tokens(ends: Sequence[int], start: int, end: int) -> int:
    return bisect_left(ends, end) + 1 - bisect_right(ends, start)


def _pieces(span: Span, ends: Sequence[int], most: int) -> list[Span]:
    start, end = span
    pieces = []
    while _tokens(ends, start, end) > most:
        cut = ends[bisect_right(ends, start) + most - 1]
        if cut <= start:
            break
        pieces.append((start, cut))
        start = cut
    return [*pieces, (start, end)] if start < end else pieces


def _furthest(spans: Sequence[Span], first: int, ends: Sequence[int], most: int) -> int:
    last = first
    while last + 1 < len(spans) and _tokens(ends, spans[first][0], spans[last + 1][1]) <= most:
        last += 1
    return last


def _preferred(
    spans: Sequence[Span], first: int, last: int, parts: set[int], sections: set[int]
) -> tuple[int, bool]:
    """Return the last span before which a part or section ends late in the window, and if it is a part."""
    if last + 1 == len(spans):
        return last, False
    earliest = first + int((last - first) * _LATE)
    for bounds, at_part in ((parts, True), (sections, False)):
        for at in range(last, earliest - 1, -1):
            if any(spans[at][1] <= bound <= spans[at + 1][0] for bound in bounds):
                return at, at_part
    return last, False


def _overlapping(spans: Sequence[Span], first: int, last: int, ends: Sequence[int]) -> int:
    following = last + 1
    while (
        following - 1 > first
        and _tokens(ends, spans[following - 1][0], spans[last][1]) <= OVERLAP_TOKENS
    ):
        following -= 1
    return following
