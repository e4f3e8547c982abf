"""Counterfactual variants of a question: another value in the text, and so another answer.

A few thousand real questions are soon known by heart. With the value changed in text and answer alike,
what is left to learn is to read. The change is one mapping, applied to the text and to the answer, so
that whatever the answer was copied from still says the same as the answer.
"""

import random
import re
from collections.abc import Callable

from model.cases import MISSING

_NUMBER = re.compile(r"\d+(?:\.\s?\d+)?")
_GLEASON = re.compile(r"(\d)(\s*\+\s*)(\d)(\s*=\s*\d+)?")
_GRADE = re.compile(r"((?:grade[: ]{0,3}(?:is )?|\bg))(iii|ii|i|[1-3])\b(?!\.\d)")
_DEGREE = re.compile(r"\b(well|moderately|poorly)\b")
_LEVEL = re.compile(r"\b(high|low)(?=[- ]grade)")
_TUMOR = re.compile(r"(t\s?)([0-4])(?=[a-d]?(?:\b|[\s,;]|p?n))")
_NODES = re.compile(r"(n\s?)([0-3])(?=[a-c]?(?:\b|[\s,;(]|p?m))")
_GROUP = re.compile(r"(stage[: ]+)(iv|iii|ii|i)(?=[abc]?\b)")
_DIGITS = "0012345556789"  # as reports have them after the point
_SIDE = re.compile(r"\b(left|right)\b")
_STATUS = re.compile(r"\b(positive|negative)\b")
_OTHER_SIDE = {"left": "right", "right": "left"}
_OTHER_STATUS = {"positive": "negative", "negative": "positive"}
Change = Callable[[str], str]


def variant(random_: random.Random, question: str, given: str, answer: str) -> tuple[str, str]:
    """(text, answer) with another value; the two as they are where the question has no variants."""
    if answer == MISSING or question not in _CHANGES:
        return given, answer
    change = _CHANGES[question](random_)
    changed, changed_answer = change(given), change(answer)
    if question == "hormone receptor status" and re.search("amplified|express|triple", given):
        return given, answer  # these words say the status too
    return changed, changed_answer


def _numbers(random_: random.Random) -> Change:
    """Every number becomes another of the same form, equal ones stay equal."""
    known: dict[str, str] = {}

    def another(match: re.Match[str]) -> str:
        number = match[0]
        if number not in known:
            low = 1 if number[:2].isdigit() else 0
            first = str(random_.choice([low, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9]))
            known[number] = first + re.sub(r"\d", lambda _: random_.choice(_DIGITS), number[1:])
        return known[number]

    return lambda text: _NUMBER.sub(another, text)


def _grades(random_: random.Random) -> Change:
    digits = _shuffled(random_, ["1", "2", "3"]) | _shuffled(random_, ["i", "ii", "iii"])
    degrees = _shuffled(random_, ["well", "moderately", "poorly"])
    levels = _shuffled(random_, ["high", "low"])
    patterns = _shuffled(random_, ["3", "4", "5"])

    def sum_of(match: re.Match[str]) -> str:
        a, b = (patterns.get(match[i], match[i]) for i in (1, 3))
        total = re.sub(r"\d+", str(int(a) + int(b)), match[4] or "")
        return f"{a}{match[2]}{b}{total}"

    def change(text: str) -> str:
        text = _GLEASON.sub(sum_of, text)
        text = _GRADE.sub(lambda m: m[1] + digits.get(m[2], m[2]), text)
        text = _DEGREE.sub(lambda m: degrees[m[1]], text)
        return _LEVEL.sub(lambda m: levels[m[1]], text)

    return change


def _stages(random_: random.Random) -> Change:
    tumor = _shuffled(random_, ["1", "2", "3", "4"])
    nodes = _shuffled(random_, ["0", "1", "2", "3"])
    groups = _shuffled(random_, ["i", "ii", "iii", "iv"])

    def change(text: str) -> str:
        text = _TUMOR.sub(lambda m: m[1] + tumor.get(m[2], m[2]), text)
        text = _NODES.sub(lambda m: m[1] + nodes[m[2]], text)
        return _GROUP.sub(lambda m: m[1] + groups[m[2]], text)

    return change


def _sides(random_: random.Random) -> Change:
    if random_.random() < 0.5:
        return str
    return lambda text: _SIDE.sub(lambda m: _OTHER_SIDE[m[1]], text)


def _statuses(random_: random.Random) -> Change:
    if random_.random() < 0.5:
        return str
    return lambda text: _STATUS.sub(lambda m: _OTHER_STATUS[m[1]], text)


def _shuffled(random_: random.Random, values: list[str]) -> dict[str, str]:
    return dict(zip(values, random_.sample(values, len(values)), strict=True))


_CHANGES: dict[str, Callable[[random.Random], Change]] = {
    "tumor size": _numbers,
    "cancer grade": _grades,
    "cancer stage": _stages,
    "tumor laterality": _sides,
    "hormone receptor status": _statuses,
}
