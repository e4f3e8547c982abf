"""Examples of how to report, which state nothing about the patient."""

import re
from collections.abc import Iterator

from oncofhir.schemas.structure import StruckReason, StruckSpan
from oncofhir.terminology.lowered import lowered

_EXAMPLE = re.compile(
    r"\b(?:(?:(?:for )?examples?|sample(?: (?:report|text|wording|diagnosis|entry))?|template text"
    r"|suggested wording|standard wording|model text)(?: of [a-z ]{1,30})?[ \t]{0,2}:"
    r"|(?:for example|for instance|e\.g\.|e\.g|eg\.)[,:]?(?= ))[ \t\n]{0,4}"
)
# A line that says how to fill in a form or to word a report.
_INSTRUCTIONS = re.compile(
    r"(?:^|(?<=\n))[ \t*>-]{0,8}(?:instructions?|directions?|how to (?:report|complete|fill)"
    r"|reporting format|format|template|note to \w{1,20})[^:\n]{0,30}:(?P<said>[^\n]*)"
)
_HOW = re.compile(
    r"\b(?:report|enter|write|record|select|type|use|state|document|list|complete|fill|dictate|copy|paste"
    r"|choose)(?: (?:it|this))?(?: as| in| out| the| one| like|:)?\b|[\"\u201c\u2018]"
)
_QUOTES = {
    '"': '"',
    "\u201c": "\u201d",
    "\u201e": "\u201c",
    "\u00ab": "\u00bb",
    "\u2018": "\u2019",
    "'": "'",
}
_SENTENCE_END = re.compile(r"[.;](?=\s)|\n|\)")
_MOST = 300


def examples(text: str) -> Iterator[StruckSpan]:
    """Each example up to its closing quote, else to the end of its sentence; instructions to their line's."""
    lower = lowered(text)
    for match in _INSTRUCTIONS.finditer(lower):
        if _HOW.search(match["said"]):
            yield _struck(match.start(), match.end())
    for match in _EXAMPLE.finditer(lower):
        yield _struck(match.start(), _end(text, match.end()))


def _end(text: str, start: int) -> int:
    last = min(len(text), start + _MOST)
    closing = _QUOTES.get(text[start : start + 1])
    if closing is not None and (at := text.find(closing, start + 1, last)) >= 0:
        return at + 1
    stop = _SENTENCE_END.search(text, start, last)
    return stop.start() if stop else last


def _struck(start: int, end: int) -> StruckSpan:
    return StruckSpan(start=start, end=end, reason=StruckReason.LEGEND)
