"""Grades: "grade II/III", "G2", "moderately differentiated", "high grade", "Gleason 3+4=7"."""

import re
from collections.abc import Iterator

from oncofhir.inference.mentions.mention import Mention

_GLEASON = re.compile(
    r"(?P<name>gleason\D{0,40}?)?(?<![+\d])(?<!\+ )(?P<a>[1-5]) ?\+ ?(?P<b>[1-5])"
    r"(?: ?= ?(?P<sum>\d{1,2}))?(?![\d+]| ?\+)",
    re.IGNORECASE,
)
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
_NUMBERED = re.compile(
    r"(?:\b(?P<scheme>nottingham|fuhrman|isup|figo|nuclear|histologic(?:al)?|who|sbr|bloom|edmondson|combined"
    r"|overall)[\w ,./()-]{0,30}?)?"
    r"(?:\bgrade|\bgrading|\bgraded)(?: (?:is|of|as))?[ :,(]{0,4}(?:[\w ]{0,20}\()??"
    r"g?(?P<g>iv|i{1,3}|[1-4])(?: ?(?:to|-|and) ?(?P<to>iv|i{1,3}|[2-4])(?![\w+]))?"
    r"(?:[ (]{0,2}(?:/|of|out of) ?(?P<of>iv|iii|ii|[2-4]))?(?![\w+]|\.\d|\s?/\s?9)",
    re.IGNORECASE,
)
_SHORT = re.compile(
    r"(?<![\w.])g[ -]?(?P<g>[1-4]|iv|i{1,3})(?:[-/] ?g ?(?P<to>[2-4]))?(?: ?/ ?(?P<of>[34]))?(?![\w+]|\.\d)",
    re.IGNORECASE,
)
_DEGREE = re.compile(
    r"\bdifferentiation(?: (?:is|grade))?[ :.=]{1,3}(?P<g>iv|i{1,3}|[1-4])(?![\w+]|\.\d)",
    re.IGNORECASE,
)
_WORDS = re.compile(
    r"\b(?:(?P<a>well|moderate(?:ly)?|poorly|poor)[ -]{0,2}(?:to[ -]{1,2}(?P<b>moderately|poorly)[ -]{0,2})?"
    r"differentiat\w*|(?P<un>undifferentiated|anaplastic carcinoma))",
    re.IGNORECASE,
)
_LEVEL = re.compile(
    r"\b(?:(?P<a>low|intermediate|high)(?: to (?P<b>intermediate|high))?[ -]{1,2}"
    r"(?:nuclear |histologic )?grade"
    r"|grade[ :]{1,3}(?P<c>low|intermediate|high)\b)",
    re.IGNORECASE,
)
_DIFFERENTIATION = {"well": "1", "moderate": "2", "moderately": "2", "poorly": "3", "poor": "3"}


def grades(text: str) -> Iterator[Mention]:
    """Every grade; a range ("moderately to poorly") counts as its higher end.

    Differentiation in words is the numbered grade of the same name (AJCC: G1 well, G2 moderately, G3
    poorly differentiated, G4 undifferentiated).
    """
    for match in _GLEASON.finditer(text):
        a, b = int(match["a"]), int(match["b"])
        if int(match["sum"] or a + b) == a + b and (match["sum"] or match["name"]):
            value = f"{a}+{b}={a + b}"
            yield Mention(value=value, start=match.start(), end=match.end(), scheme="gleason")
    for pattern in (_NUMBERED, _SHORT, _DEGREE):
        for match in pattern.finditer(text):
            named = match.groupdict()
            grade = (named.get("to") or match["g"]).lower()
            scheme = named.get("scheme")
            yield Mention(
                value=_ROMAN.get(grade, grade),
                start=match.start(),
                end=match.end(),
                scheme=scheme.lower() if scheme else None,
            )
    for match in _WORDS.finditer(text):
        word = (match["b"] or match["a"] or "").lower()
        value = _DIFFERENTIATION.get(word, "4")
        yield Mention(value=value, start=match.start(), end=match.end(), scheme="differentiation")
    for match in _LEVEL.finditer(text):
        value = (match["b"] or match["a"] or match["c"]).lower()
        yield Mention(value=value, start=match.start(), end=match.end(), scheme="level")
