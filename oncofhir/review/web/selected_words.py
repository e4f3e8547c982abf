"""Finds the words of a report that a reviewer selected or typed."""

import re
from collections.abc import Iterator

from oncofhir.review.web.verdict_forms import InvalidForm
from oncofhir.schemas.base import Value

MAX_WORDS = 1_000
"""Longest selection in code points: evidence is a passage, not a report."""
_CONTEXT = 40
_OFFSETS = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_MAX_LISTED = 10


class Passage(Value):
    """Selected words, code-point offsets of the text (end exclusive), and what stands around them."""

    start: int
    end: int
    before: str
    words: str
    after: str


def passage(text: str, start: int, end: int) -> Passage:
    """The passage at two offsets, without the blanks at its ends.

    Raises:
        InvalidForm: the offsets are none of the text, the words are blank or too many.
    """
    if not 0 <= start < end <= len(text):
        raise InvalidForm("These words are not in the report. It may have changed: load it again.")
    words = text[start:end]
    start += len(words) - len(words.lstrip())
    end -= len(words) - len(words.rstrip())
    if start >= end:
        raise InvalidForm("Select words first.")
    if end - start > MAX_WORDS:
        raise InvalidForm(f"Select at most {MAX_WORDS} characters: the words that say it.")
    return Passage(
        start=start,
        end=end,
        before=text[max(start - _CONTEXT, 0) : start],
        words=text[start:end],
        after=text[end : end + _CONTEXT],
    )


def passage_at(text: str, offsets: str) -> Passage:
    """The passage at offsets as forms send them: 12-20.

    Raises:
        InvalidForm: as `passage`, or they are none.
    """
    found = _OFFSETS.fullmatch(offsets)
    if found is None:
        raise InvalidForm("Choose the words that say it.")
    return passage(text, int(found[1]), int(found[2]))


def passages(text: str, words: str) -> list[Passage]:
    """Where a report has words that were typed, whatever its line breaks and capitals; at most ten.

    Raises:
        InvalidForm: the report does not have them.
    """
    if not words.strip():
        raise InvalidForm("Type the words of the report that say it, or select them in the text.")
    found = list(_occurrences(text, words))
    if not found:
        raise InvalidForm(
            "The report does not have these words. Type them as the report writes them."
        )
    return found


def _occurrences(text: str, words: str) -> Iterator[Passage]:
    pattern = r"\s+".join(map(re.escape, words.split()))
    for number, found in enumerate(re.finditer(pattern, text, re.IGNORECASE)):
        if number == _MAX_LISTED:
            return
        yield passage(text, found.start(), found.end())
