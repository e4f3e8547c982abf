"""The part of an organ that a report joins to a tumor: "adenocarcinoma of the cecum".

The words count where they name one part, among those that ICD-10-CM has a code for. Where the words of
equal rank name several, the report says no single part and none is taken: "the cecum and ascending colon".
"""

import re
from collections.abc import Callable, Iterator, Sequence

from oncofhir.inference.index.report_index import ReportIndex
from oncofhir.inference.lesions.entities import Entity
from oncofhir.inference.lesions.units import organs_in
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.icd10cm import parts_named

_MOST = 200
_BEHIND = 90
_ABOVE = 300
_LABEL = re.compile(
    r"\b(?:(?:primary )?(?:tumou?r|lesion|cancer)[ ,]{1,2}(?:site|location)|primary site"
    r"|site of (?:the )?(?:primary )?tumou?r|tumou?r topography)"
    r"(?: ?\([^)\n]{0,30}\))?[ \t]*[:=][ \t]*(?:\n[ \t]*)?(?P<value>[^\n;.]{1,80})",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"[\s,]{0,3}(?:of|in|involving|arising (?:in|from|within)|at|from|within)\s", re.IGNORECASE
)
# What follows is said of a margin, of spread or of another finding.
_STOP = re.compile(
    r"[;.\n(]|\b(?:with|without|no|which|that|status|extend\w*|extension|invad\w*|invasion|metasta\w*|margins?"
    r"|from|near|adjacent|sparing|not|is|are|was|were|shows?|measur\w*)\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"\b(?:and|or|to|through|with|plus)\b|[&/+\[\]]", re.IGNORECASE)
_OTHER_FINDING = re.compile(
    r"\b(?:benign|negative|uninvolved|unremarkable|normal|free|nodes?|margins?)\b", re.IGNORECASE
)

_SPREAD = re.compile(r"\b(?:metasta|implant|involv|spread)", re.IGNORECASE)
_SENTENCE_ENDS = re.compile(r"(?<=\w\w)\.\s|(?<=\d)\.\s")
# "Mucinous adenocarcinoma, endocervical type" names a histology.
_TYPE = re.compile(r"\b[\w-]+[ -](?:type|variant|pattern|features)\b")


def part_words(
    index: ReportIndex, organ: str, entities: Sequence[Entity], within: Callable[[int], bool]
) -> str | None:
    """The report's words, in lower case, that name the one part of `organ` in which a primary tumor sits.

    `entities` are the mentions of the tumor, `within` says whether an offset of the text concerns it. What
    follows "tumor site" counts before what the text joins to a mention, and that before the heading above it.
    """
    own = [e for e in entities if e.behaviour is not Behaviour.METASTATIC][:_MOST]
    for ways in (
        _labelled(index, within),
        (words for e in own for words in _joined(index, e)),
        (words for e in own for words in _heading(index, e, organ)),
    ):
        own_words = (_TYPE.sub(" ", words) for words in ways)
        found = {w: parts_named(organ, w) for w in own_words if not _names_other(organ, w)}
        named = frozenset().union(*found.values())
        if named:
            return next(w for w, parts in found.items() if parts) if len(named) == 1 else None
    return None


def _names_other(organ: str, words: str) -> bool:
    if organ == "skin":  # its parts are called by what lies below: arm, breast, scalp
        return False
    return not {name for name, _, _ in organs_in(words)} <= {organ}


def _labelled(index: ReportIndex, within: Callable[[int], bool]) -> Iterator[str]:
    for match in _LABEL.finditer(index.text):
        start, end = match.span("value")
        is_other = _OTHER_FINDING.search(match["value"]) or "[" in match["value"]
        if within(start) and index.rejection(start, end) is None and not is_other:
            yield match["value"].lower()


def _joined(index: ReportIndex, entity: Entity) -> Iterator[str]:
    """What stands behind the name ("of the cecum"), and before it in its line ("sigmoid colon cancer")."""
    text, found = index.text, entity.neoplasm
    match = _JOINED.match(text, found.end)
    if match is not None:
        stretch = text[match.end() : match.end() + _BEHIND]
        stop = _STOP.search(stretch)
        yield (stretch[: stop.start()] if stop else stretch).lower()
    line = text[max(0, found.start - 40) : found.start].rpartition("\n")[2]
    words = re.split(r"[,;:.()]", line)[-1]
    if not _SEVERAL.search(words) and not _OTHER_FINDING.search(words):
        yield f"{words} {text[found.start : found.end]}".lower().strip()


def _heading(index: ReportIndex, entity: Entity, organ: str) -> Iterator[str]:
    """The words before a colon in the mention's line, else the nearest line above that ends with a colon."""
    text, start = index.text, entity.start
    if _SPREAD.search(text, start, entity.neoplasm.end + 40):
        return
    begins = text.rfind("\n", 0, start) + 1
    own_line = text[begins:start]
    if ":" in own_line:
        heading = own_line.partition(":")[0]
    else:
        above = text[max(0, begins - _ABOVE) : begins].splitlines()
        heading = next((line for line in reversed(above) if line.rstrip().endswith(":")), "")
    heading = _SENTENCE_ENDS.split(heading)[-1]
    organs = {name for name, _, _ in organs_in(heading)}
    is_plain = not _SEVERAL.search(heading) and not _OTHER_FINDING.search(heading)
    if (organs == {organ} or {"skin"} == {organ} & organs) and is_plain:
        yield heading.lower()
