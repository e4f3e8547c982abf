"""The sentences of a report that bear on a question: what a small model is given in place of the whole.

The patterns are in `retrieval.toml`. Training (`model/`) and inference use this same function.
"""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from oncofhir.schemas.base import Value

LONGEST_SENTENCE = 240


class _First(Value):
    """Sentences of another question that come first."""

    question: str
    characters: int
    score: float


class _Patterns(Value):
    """Compiled `retrieval.toml`."""

    questions: dict[str, tuple[tuple[re.Pattern[str], int], ...]]
    first: dict[str, _First]
    zones: tuple[tuple[re.Pattern[str], float], ...]
    boundary: re.Pattern[str]

    model_config = {"arbitrary_types_allowed": True, "frozen": True}


@cache
def _patterns() -> _Patterns:
    data = tomllib.loads(
        files("oncofhir.inference.prompting").joinpath("retrieval.toml").read_text(encoding="utf-8")
    )
    return _Patterns(
        questions={
            question: tuple((re.compile(p, re.IGNORECASE), weight) for p, weight in pairs)
            for question, pairs in data["questions"].items()
        },
        first={question: _First(**values) for question, values in data["first"].items()},
        zones=tuple((re.compile(p, re.IGNORECASE), weight) for p, weight in data["zones"]),
        boundary=re.compile("|".join(data["boundaries"])),
    )


def questions() -> tuple[str, ...]:
    """The questions that there are patterns for."""
    return tuple(_patterns().questions)


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Spans of sentences; robust to text that is one line, as OCR gives it.

    A run without a boundary is cut at a blank, at `LONGEST_SENTENCE` characters at most.
    """
    position = 0
    for boundary in _patterns().boundary.finditer(text):
        yield from _cut(text, position, boundary.start())
        position = boundary.end()
    yield from _cut(text, position, len(text))


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST_SENTENCE:
        blank = text.rfind(" ", start + 60, start + LONGEST_SENTENCE)
        middle = blank if blank > start else start + LONGEST_SENTENCE
        yield start, middle
        start = middle
    if text[start:end].strip():
        yield start, end


def retrieve(text: str, question: str, max_characters: int = 420) -> tuple[tuple[int, int], ...]:
    """Spans, in text order, of the sentences that bear on the question, best first up to the bound.

    Raises:
        KeyError: a question without patterns.
    """
    best = _best(text, question)
    if not best:
        return ()
    taken: list[tuple[int, int]] = []
    first = _patterns().first.get(question)
    if first is not None:
        others = _best(text, first.question, first.score)
        _take(taken, others, min(first.characters, max_characters))
    _take(taken, best, max_characters)
    return tuple(sorted(taken))


def _best(text: str, question: str, least: float = 0.5) -> list[tuple[int, int]]:
    """Spans of the sentences that bear on a question, the best and of these the earliest first."""
    patterns = _patterns()
    scored = []
    zone = 0.0
    for number, (start, end) in enumerate(sentences(text)):
        sentence = text[start:end]
        zone = next((w for pattern, w in patterns.zones if pattern.search(sentence)), zone)
        score = sum(w for pattern, w in patterns.questions[question] if pattern.search(sentence))
        if score >= least:
            scored.append((score + zone, -number, start, end))
    return [(start, end) for _, _, start, end in sorted(scored, reverse=True)]


def _take(taken: list[tuple[int, int]], best: list[tuple[int, int]], max_characters: int) -> None:
    """Add the best that are not there yet while all together stay within the bound."""
    left = max_characters - sum(end - start + 1 for start, end in taken)
    for start, end in best:
        if (start, end) not in taken and end - start + 1 <= left:
            taken.append((start, end))
            left -= end - start + 1


def excerpt(text: str, question: str, max_characters: int = 420) -> str:
    """What the small model is given: the retrieved sentences, lower-cased, blanks collapsed."""
    spans = retrieve(text, question, max_characters)
    return " ".join(" ".join(text[start:end].split()) for start, end in spans).lower()
