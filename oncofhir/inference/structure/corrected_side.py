"""A side that the report itself corrects: the wrong one is not read, wherever it stands.

"Original report read left; correct side is right", "incorrectly labelled as left".
"""

import re
from collections.abc import Iterator

from oncofhir.schemas.structure import StruckReason, StruckSpan
from oncofhir.terminology.lowered import lowered

_SIDE = r"(?:left|right)"
_CORRECT = re.compile(
    r"\bcorrect(?:ed)? (?:side|laterality)(?: (?:is|was|should be|reads?|to be|to))?[ :=]{1,3}"
    rf"(?:the )?(?P<named>{_SIDE})\b"
    rf"|\b(?:side|laterality)\b[^.;\n]{{0,30}}?\b(?:corrected|amended|changed|revised|updated)"
    rf" (?:to|as)(?: the| be)? (?P<changed>{_SIDE})\b"
    rf"|\b(?:side|laterality) (?:should (?:be|read|have been)|is (?:actually|in fact|really))"
    rf" (?:the )?(?P<said>{_SIDE})\b"
)
_WRONG = re.compile(
    rf"\b(?:incorrectly|erroneously|wrongly|mistakenly)(?: \w+){{1,2}}?"
    rf" (?:as |the |in the |to the |side ){{0,3}}(?P<labelled>{_SIDE})\b"
    rf"|\b(?:original|initial|previous|preliminary|first|earlier) (?:report|version|requisition|label)"
    rf" (?:read|reads|said|stated|states|listed|lists|showed|gave|named|had)(?: the| as)? (?P<read>{_SIDE})\b"
    rf"|\b(?P<mistaken>{_SIDE})[\"']?(?: \w+){{0,2}},?"
    rf" (?:was |is )?(?:in error|an error|a mistake|erroneous|a typo)\b"
)
_HINTS = (
    "side",
    "lateralit",
    "ncorrectly",
    "error",
    "wrongly",
    "mistake",
    "typo",
    " read",
    " said",
    "stated",
    "listed",
    "version",
)
_OTHER = {"left": "right", "right": "left"}
_WORDS = {"left": re.compile(r"\b(?:left|lt)\b"), "right": re.compile(r"\b(?:right|rt)\b")}


def corrected_sides(text: str) -> Iterator[StruckSpan]:
    """The words for the side that the report calls wrong; none where it calls each side right once."""
    lower = lowered(text)
    if not any(hint in lower for hint in _HINTS):
        return
    wrong = {_OTHER[_named(match)] for match in _CORRECT.finditer(lower)}
    if not wrong:
        wrong = {_named(match) for match in _WRONG.finditer(lower)}
    if len(wrong) != 1:
        return
    (side,) = wrong
    if _WORDS[_OTHER[side]].search(lower) is None:
        return
    for match in _WORDS[side].finditer(lower):
        yield StruckSpan(start=match.start(), end=match.end(), reason=StruckReason.TAKEN_BACK)


def _named(match: re.Match[str]) -> str:
    return next(side for side in match.groups() if side)
