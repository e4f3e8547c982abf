"""Sizes: "2.3 x 1.8 cm", "23 mm", "24-mm", "0.9 inch", "(cm): 2.5", "3. 5 CM" of OCR.

Normal form in mm, the longest dimension first.
"""

import re
from collections.abc import Iterator

from oncofhir.inference.mentions.mention import Mention

# A comma is decimal only without a blank behind it: in "grade 2, 1.4 cm" the 2 is a number of its own.
_NUMBER = r"\d{1,3}(?:,\d{1,2}(?!\d|[.,]\d)| ?\. ?\d{1,2}(?!\d|[.,]\d))?|\.\d{1,2}"
_UNIT = r"(?:cm|mm|centimet(?:er|re)s?|millimet(?:er|re)s?|inch(?:es)?)"
_B = r"[ -]{0,14}"
_BY = r"\.? {0,14}(?:x|\u00d7|\*|by)\.? {0,2}"
_SIZE = re.compile(
    rf"(?<![\d.,/])(?<!\d:)(?P<first>{_NUMBER})(?:\.?{_B}\(?(?P<u1>{_UNIT})\b\)?)?"
    rf"(?:{_BY}(?P<second>{_NUMBER})(?:\.?{_B}\(?(?P<u2>{_UNIT})\b\)?)?)?"
    rf"(?:{_BY}(?P<third>{_NUMBER})(?:\.?{_B}\(?(?P<u3>{_UNIT})\b\)?)?)?"
    rf"(?![\w²³^])",
    re.IGNORECASE,
)
# The unit stands before the number, as in a form: the label "Tumor size (cm)" and then 2.5.
_UNIT_FIRST = re.compile(
    rf"(?:\((?P<u>cm|mm)\)|\b(?:in|,) ?(?P<v>cm"
    rf"|mm))[ :=]{{1,4}}(?P<first>{_NUMBER})(?:{_BY}(?P<second>{_NUMBER}))?(?:{_BY}(?P<third>{_NUMBER}))?"
    rf"(?![\w.,]\d| ?(?:{_UNIT}|x|%))",
    re.IGNORECASE,
)
_BLANK = re.compile(r"\s")
_JOINED = re.compile(r" ?(?:and|&|,|, ?and|or) ?", re.IGNORECASE)
# What a number before the size counts: a sum, a grade, a place, an age. It borrows no unit.
_COUNTED = re.compile(
    r"(?:[=+/#]|\d:|\b[a-z]{0,3}[tnmg]|\b(?:grade|stage|score|part|block|slide|level|gleason|fuhrman|isup|nottingham"
    r"|sum|group|pattern|class|type|figo|who|clark|segments?|zone|region|case|no|number|age|aged|clock|rads"
    r"|ajcc|edition|category|cores?|nodes?|her-?2|ki-?67|psa|ecog))\W{0,3}$",
    re.IGNORECASE,
)
_MM = {"c": 10.0, "m": 1.0, "i": 25.4}
LARGEST_MM = 600.0


def sizes(text: str) -> Iterator[Mention]:
    """Every length or set of dimensions with a unit, whatever it measures.

    In "4.5 and 1.0 cm" the first borrows the unit of the second.
    """
    matches = list(_SIZE.finditer(_BLANK.sub(" ", text)))
    lent: str | None = None
    found: list[tuple[re.Match[str], list[str]]] = []
    for match, following in zip(reversed(matches), [None, *reversed(matches)], strict=False):
        units = [match["u1"], match["u2"], match["u3"]]
        unit = next((u for u in reversed(units) if u), None)
        if unit is None and following is not None and lent is not None:
            between = match.string[match.end() : following.start()]
            counted = _COUNTED.search(match.string[max(0, match.start() - 14) : match.start()])
            unit = lent if _JOINED.fullmatch(between) and not counted else None
        lent = unit
        if unit is not None:
            found.append((match, [u or unit for u in units]))
    for match, given in reversed(found):
        mention = _mention(match, given)
        if mention is not None:
            yield mention
    for match in _UNIT_FIRST.finditer(text):
        mention = _mention(match, [match["u"] or match["v"]] * 3)
        if mention is not None:
            yield mention


def sizes_without_unit(text: str) -> Iterator[tuple[float, ...]]:
    """Numbers without a unit in a model's answer ("2.5"): CancerLLM answers so."""
    for match in _SIZE.finditer(_BLANK.sub(" ", text)):
        if not (match["u1"] or match["u2"] or match["u3"]):
            yield tuple(_number(match[g]) for g in ("first", "second", "third") if match[g])


def _mention(match: re.Match[str], units: list[str]) -> Mention | None:
    dimensions = [
        round(_number(match[group]) * _MM[unit[0].lower()], 2)
        for group, unit in zip(("first", "second", "third"), units, strict=True)
        if match[group]
    ]
    longest = max(dimensions)
    if not 0 < longest <= LARGEST_MM:
        return None
    return Mention(
        value=f"{longest:g} mm",
        start=match.start(),
        end=match.end(),
        number=longest,
        dimensions=tuple(sorted(dimensions, reverse=True)),
    )


def _number(text: str) -> float:
    return float(text.replace(" ", "").replace(",", "."))
