"""Stretches about an earlier tumour, where the report distinguishes it from the current one.

"Breast 2011: T2 N1. Current: DCIS left breast.": a clause with a year, or behind "History:", is of the past
when a clause with "Current:", "new", a later year, or a tumour of the other side stands against it. A
tumour that recurs or has spread is the same one: only its values (stage, grade, size, receptors) are earlier.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from oncofhir.schemas.base import Value

_YEAR = re.compile(r"(?<![\d/.-])(?:19[5-9]\d|20[0-4]\d)(?![\d/-]|\.\d)")
_EDITION = r"ajcc|figo|uicc|who|cap|asco|tnm|ed(?:ition|\.)|version|classification|protocol|staging|guideline"
_BEFORE_EDITION = re.compile(rf"\b(?:{_EDITION})[^\n;]{{0,14}}$", re.IGNORECASE)
_BEHIND_EDITION = re.compile(
    rf"[\s,)]{{0,3}}(?:{_EDITION}|isup|update|\d(?:th|rd) ed)\b", re.IGNORECASE
)
_HISTORY = re.compile(
    r"\s*(?:history|hx|pmh|past|previous(?:ly)?|prior|before)\b[^:\n]{0,20}:", re.IGNORECASE
)
_NOW_LABEL = re.compile(
    r"\s*(?:now|current(?:ly)?|today|at present|present|new|this (?:biopsy|specimen|case|time))\b"
    r"[^:.\n]{0,20}:",
    re.IGNORECASE,
)
_NOW = re.compile(r"\b(?:now|currently|at present|today)\b", re.IGNORECASE)
_TUMOR = re.compile(
    r"carcinoma|cancer|\b[ds]cis\b|\blcis\b|\bidc\b|\bilc\b|nsclc|malignan|[a-z]{4}omas?\b|neoplas",
    re.IGNORECASE,
)
_NEW = re.compile(
    r"\b(?:new|second|another|contralateral|different)\b (?:[\w-]{1,15} ){0,5}?"
    rf"(?=\w{{0,20}}(?:{_TUMOR.pattern}))",
    re.IGNORECASE,
)
_STAGED = re.compile(r"(?<![A-Za-z])[ypcra]{0,3}T[ ]?(?:is|[0-4])|\bstage\b", re.IGNORECASE)
_SAME = re.compile(r"recurr|metasta|progress|relaps|respon", re.IGNORECASE)
_SIDE = re.compile(r"\b(left|right)\b", re.IGNORECASE)
_REACH = 8
"""Clauses from what is earlier to what stands against it."""


class EarlierStretch(Value):
    """A stretch about an earlier tumour; `values_only` where the tumour itself is the current one."""

    start: int
    end: int
    values_only: bool


class _Clause(Value):
    start: int
    end: int
    year: int | None
    is_history: bool
    has_tumor: bool
    is_now: bool
    is_new: bool
    is_staged: bool
    is_same: bool
    sides: frozenset[str]


def earlier_stretches(text: str, ends: Sequence[int]) -> list[EarlierStretch]:
    """The stretches in text order. `ends` are where clauses begin, the first 0, the last the text's end."""
    if _YEAR.search(text) is None and "istory" not in text and "HISTORY" not in text:
        return []
    clauses = [_clause(text, start, end) for start, end in _pieces(text, ends)]
    found = []
    for number, clause in enumerate(clauses):
        if (clause.year is None and not clause.is_history) or clause.is_now:
            continue
        near = [*clauses[max(0, number - 2) : number], *clauses[number + 1 : number + 1 + _REACH]]
        against = [
            other
            for other in near
            if other.has_tumor and _stands_against(other, clause, behind=other.start > clause.start)
        ]
        if against:
            values_only = all(other.is_same for other in against)
            found.append(
                EarlierStretch(start=clause.start, end=clause.end, values_only=values_only)
            )
    return found


def _stands_against(other: _Clause, clause: _Clause, *, behind: bool) -> bool:
    """Whether `other` names a tumour that is another than the earlier one of `clause`."""
    differs = bool(other.sides and clause.sides) and not other.sides & clause.sides
    if differs and other.year is None and not other.is_history and clause.has_tumor:
        return True
    if not behind:
        return False
    if other.is_now and (other.is_new or differs or other.is_staged):
        return True
    if other.is_new:
        return True
    is_later = clause.year is not None and other.year is not None and other.year > clause.year
    return is_later and (differs or other.is_staged)


def _pieces(text: str, ends: Sequence[int]) -> list[tuple[int, int]]:
    """The clauses, divided before a "now" within them."""
    pieces: list[tuple[int, int]] = []
    for start, end in pairwise(ends):
        cuts = [start, *(m.start() for m in _NOW.finditer(text, start, min(end, len(text)))), end]
        pieces += [(a, b) for a, b in pairwise(cuts) if text[a:b].strip()]
    return pieces


def _clause(text: str, start: int, end: int) -> _Clause:
    words = text[start:end]
    label = _NOW_LABEL.match(words)
    return _Clause(
        start=start,
        end=end,
        year=_year(words),
        is_history=_HISTORY.match(words) is not None,
        has_tumor=_TUMOR.search(words) is not None,
        is_now=label is not None or _NOW.match(words) is not None,
        is_new=label is not None or _NEW.search(words) is not None,
        is_staged=_STAGED.search(words) is not None,
        is_same=_SAME.search(words) is not None,
        sides=frozenset(side.lower() for side in _SIDE.findall(words)),
    )


def _year(words: str) -> int | None:
    """The latest year that a clause names, and that is none of an edition of a classification."""
    years = [
        int(match[0])
        for match in _YEAR.finditer(words)
        if not _BEFORE_EDITION.search(words, max(0, match.start() - 30), match.start())
        and not _BEHIND_EDITION.match(words, match.end())
    ]
    return max(years, default=None)
