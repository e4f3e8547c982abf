"""What explains and states nothing of the patient, such as legends and controls; what was taken back."""

import re
from collections.abc import Iterator

from oncofhir.schemas.structure import StruckReason, StruckSpan
from oncofhir.terminology.lowered import lowered

_HEADED = re.compile(
    r"(?:^|(?<=\n))[ \t*>-]{0,8}(?:interpretation guide|examples?|sample|e\.g\."
    r"|asco(?: ?/ ?cap)?(?: guidelines?)?|interpretive guide|guide to interpretation|legend"
    r"|key|reference (?:range|value|interval)s?"
    r"|scoring (?:system|guide|criteria|key|scheme)|interpretation criteria|interpretive criteria|guidelines?"
    r"|definitions?|(?:staging )?criteria|methodology|methods?|foot ?notes?|abbreviations?|glossary"
    r"|disclaimer"
    r"|(?:internal|external|positive|negative|on-slide)? ?controls?|how to read[^:\n]{0,30}"
    r"|explanation[^:\n]{0,30})"
    r"(?: for [^:\n]{1,30})?[ \t]{0,3}:[^\n]*",
    re.IGNORECASE,
)
_STATUS = r"(?:positive|negative|equivocal|low positive)"
_DEFINITION = re.compile(
    rf"\b[0-3] ?\+? ?= ?(?:\w+ )?{_STATUS}|\b[TNM][0-4][a-d]? ?(?:is|=|:|means|denotes|includes?)"
    r" ?(?:a |an |any |the )?(?:tumou?rs?\b|more\b|less\b|greater\b|up to\b|metast|no\b|invad"
    r"|[<>\u2264\u2265]? ?\d)"
    r"|\bgrade (?:[1-4]|i{1,3}) ?= ?|\bg[1-4] ?= ?\w|\bscore [\d-]{1,4} ?= ?grade"
    rf"|(?:[<>\u2264\u2265]|less than|at least|more than)? ?\d{{1,3}} ?%[^.;\n]{{0,30}}(?:is|are"
    rf"|=) (?:considered|defined|reported as|scored|interpreted)"
    rf"|\b(?:is|are|was|were) (?:defined|considered|scored|reported|regarded|interpreted) (?:as"
    rf"|{_STATUS}[^.\n]{{0,20}}(?:if|when|for))"
    r"|\b(?:is|are) (?:positive|negative|equivocal) (?:when|if)\b"
    r"|\baccording to (?:the )?(?:asco|cap|ajcc)[^.\n]{0,60}\b(?:if|when|positive)"
    r"|\bstage (?:0|i{1,3}|iv)[a-c]? ?(?:=|means|denotes|is defined)",
    re.IGNORECASE,
)
# Without one of these in the text the pattern before cannot match.
_DEFINING = (
    "=", "defined", "considered", "scored", "reported", "regarded", "interpreted", " if", " when",
    "according to", "means", "denotes",
)  # fmt: skip
_CATEGORY_SAID = re.compile(r"[tnm][0-4][a-d]? ?(?:is|:|includ)")
_CONTROLS = re.compile(
    r"[^.\n]{0,60}\bcontrols?\b(?! group| of )[^.\n]{0,80}(?:positive|negative|appropriate|adequate"
    r"|satisfactory|work|react|stain|valid|present)[^.\n]{0,40}",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.;\n](?:[^.;\n]|[.](?! |\n|$)){0,400}(?:[.;]|$|\n)")
# A dictation that takes back the value before it.
_TAKES_BACK = re.compile(
    r"[,.;]?[ \t]{1,4}(?:-{1,2} ?)?\b(?:correction|strike that|scratch that|delete that|i mean|make that"
    r"|that should (?:be|read)|sorry|excuse me|i correct myself)\b[,:.]?",
    re.IGNORECASE,
)
_TAKING_BACK = (
    "correct", "strike that", "scratch that", "delete that", "i mean", "make that", "that should", "sorry",
    "excuse me",
)  # fmt: skip
_CHANGED = re.compile(
    r"\b(?:was |is |has been )?(?:changed|revised|corrected|amended|up-?graded|down-?graded) from"
    r" (?:grade |stage |an? )?[\w+/-]{1,14} to\b",
    re.IGNORECASE,
)
_TAKEN = re.compile(r"(?:[^,.;:\n]|\.(?=\d)){1,40}$")
_LAST_VALUE = re.compile(r"(?:(?<=\s)|^)[<>]?\d[\d.,x \u00d7]*(?:cm|mm|%|\+)?\s*$|\S+\s*$")
_FEW_WORDS = 3
_TWO_OR_MORE = 2


def legends(text: str) -> Iterator[StruckSpan]:
    """Stretches that define or explain: a headed line as a whole, else the sentence with the definition.

    A line with two definitions or more is one of definitions.
    """
    for match in _HEADED.finditer(text):
        yield _struck(match.start(), match.end(), StruckReason.LEGEND)
    by_line: dict[int, int] = {}
    for match in _definitions(text):
        begins = text.rfind("\n", 0, match.start()) + 1
        by_line[begins] = by_line.get(begins, 0) + 1
        yield _sentence(text, match.start(), match.end())
    for begins, count in by_line.items():
        if count >= _TWO_OR_MORE:
            ends = text.find("\n", begins)
            stop = min(len(text) if ends < 0 else ends, begins + 1000)
            yield _struck(begins, stop, StruckReason.LEGEND)
    if "ontrol" in text or "CONTROL" in text:
        for match in _CONTROLS.finditer(text):
            yield _struck(match.start(), match.end(), StruckReason.LEGEND)


def _definitions(text: str) -> Iterator[re.Match[str]]:
    lower = lowered(text)
    if any(word in lower for word in _DEFINING) or _CATEGORY_SAID.search(lower):
        yield from _DEFINITION.finditer(text)


def taken_back(text: str) -> Iterator[StruckSpan]:
    """Values that the dictation takes back in the next words."""
    lower = lowered(text)
    if " from" in lower:
        for match in _CHANGED.finditer(text):
            yield _struck(match.start(), match.end(), StruckReason.TAKEN_BACK)
    if not any(word in lower for word in _TAKING_BACK):
        return
    for match in _TAKES_BACK.finditer(text):
        taken = _TAKEN.search(text, max(0, match.start() - 40), match.start())
        if taken is None:
            continue
        value, start = taken[0], taken.start()
        last = _LAST_VALUE.search(value)
        if last is not None and (
            len(value.split()) > _FEW_WORDS or any(c.isdigit() for c in last[0])
        ):
            start += last.start()
        yield _struck(start, match.end(), StruckReason.TAKEN_BACK)


def _sentence(text: str, start: int, end: int) -> StruckSpan:
    begins = max(
        text.rfind("\n", 0, start),
        text.rfind(". ", 0, start),
        text.rfind("; ", 0, start),
        start - 200,
    )
    stops = [at for mark in (". ", "; ", "\n") if (at := text.find(mark, end, end + 300)) >= 0]
    return _struck(
        max(0, begins + 1), min(stops, default=min(len(text), end + 300)), StruckReason.LEGEND
    )


def _struck(start: int, end: int, reason: StruckReason) -> StruckSpan:
    return StruckSpan(start=start, end=end, reason=reason)
