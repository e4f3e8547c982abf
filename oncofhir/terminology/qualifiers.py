"""Where in an organ a tumour sits, as qualifiers of its body site ("upper outer quadrant": Upper).

Source of the codes: mCODE 4.0.0, RadiotherapyTreatmentLocationQualifierVS, which spells them out; all
are children of Topographical modifier (106233006) or Relative sites (272424004) of SNOMED CT, as
mcode-body-location-qualifier-vs asks.
"""

import re
from collections.abc import Iterator, Sequence

from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Coding
from oncofhir.terminology.coding import find_malignancy
from oncofhir.terminology.lowered import lowered
from oncofhir.terminology.sites import Site, find_sites
from oncofhir.terminology.tables import by_code

_CODES = {
    "upper": "261183002",
    "lower": "261122009",
    "middle": "260528009",
    "mid": "260528009",
    "superior": "264217000",
    "inferior": "261089000",
    "proximal": "40415009",
    "distal": "46053002",
    "central": "26216008",
    "peripheral": "14414005",
}
# In these a word of place belongs to another structure: "skin of upper third of ear".
_NO_ORGANS = frozenset({"skin", "bone", "soft tissue", "retroperitoneum", "peritoneum", "pleura"})
# A place within a part of an organ is none of the organ: the proximal sigmoid is distal colon.
_OTHER_NAMES = {
    "esophagus": "oesophagus",
    "lung": "lungs",
    "prostate": "prostate gland",
    "bladder": "urinary bladder",
}

_WORD = rf"\b(?:{'|'.join(_CODES)})\b"
_TOWARDS = r"(?:inner|outer|anterior|posterior|medial|lateral)"
_SIDE = r"(?:(?:left|right)[\s,-]+)?"
_NOUN = r"(?:lobe|quadrant|pole|third|half|part|portion|aspect|zone)s?"
_PART = rf"(?:{_TOWARDS}[\s-]+)?{_WORD}(?:[\s-]+{_TOWARDS})?[\s-]+{_NOUN}\b"
_BEHIND = re.compile(
    rf"[\s,;:(/-]*{_SIDE}(?P<place>{_PART}(?!\s+of\b)|{_WORD}(?=\s*(?:$|[,;:.)])))"
)
_BEFORE = re.compile(
    rf"(?:(?P<place>{_PART})[\s,]*(?:of\s+)?(?:the\s+)?|(?P<word>{_WORD})[\s-]+){_SIDE}$"
)
_SITE_ENDS = re.compile(
    r"\s*(?:$|[][,;:.()-]|(?:of|at|in|with|and|is|was|cancer|carcinoma|tumou?r|mass|lesion)\b)"
)
_SPEAKS_OF_PLACE = re.compile(
    rf"{_WORD}|\b{_TOWARDS}\b|\b{_NOUN}\b|\b(?:base|apex|apical|hil(?:um|ar)|axillary|segment\w*)\b"
)
# Not in one place, or not in it but next to it.
_RELATED = re.compile(
    r"\b(?:and|or|to|into|between|beyond|near|adjacent|distance|extend\w*|extension)\b|[&/]"
)
_AROUND = 12  # characters on either side of a place in which these words speak of it
# What is said of a node, a margin, an earlier finding or healthy tissue is no place of the tumour.
_ASIDE = re.compile(
    r"\b(?:lymph|nodes?|nodal|normal|benign|unremarkable|uninvolved|non-?neoplastic|no|not|without|negative"
    r"|free|clear|margins?|inked|suture|sections?|cassettes?|prior|previous(?:ly)?|scar|history|metasta\w*)\b"
)
_DENIED = re.compile(
    r"[\s,:]*(?:is|was|are)?\s*(?:not|absent|excluded|ruled out|negative|free|clear)\b"
)
_LEFT_OR_RIGHT = re.compile(r"\b(?:left|right)\b")
_CLAUSE_ENDS = re.compile(r"[,;:.]|$")
_FAR = 60  # characters before an organ within which its place is looked for


class _Place(Value):
    """The words of a place, as they stand in the lower-case text."""

    words: str
    start: int
    end: int


def with_location(value: str, quotes: Sequence[str], side: str | None = None) -> str:
    """A tumour's site that is the organ alone, with the place in the organ that its first quote names.

    "breast" in "Left breast, upper outer quadrant: carcinoma" is "breast, upper outer quadrant". Unchanged
    where the quote, which is that of the place that counts most, names no malignancy, no place or several, or
    the other side than the tumour's; or speaks of something else there, such as a node or a margin.
    """
    organ = re.sub(rf"{_LEFT_OR_RIGHT.pattern}|[^\w ]", " ", lowered(value)).strip()
    if not quotes or not any(organ in _own_names(site) for site, _, _ in find_sites(organ)):
        return value
    quote = lowered(quotes[0])
    malignancy = find_malignancy(quote)
    if malignancy is None:
        return value
    ends = _CLAUSE_ENDS.search(quote, malignancy.end)
    clause = quote[: ends.start()] if ends else quote
    place = _only_place(clause) or _only_place(quote)
    if place is None:
        return value
    said = max(place.end, malignancy.end)
    is_aside = _ASIDE.search(quote[:said]) or _DENIED.match(quote, said)
    sides = set(_LEFT_OR_RIGHT.findall(quote[:said]))
    is_other = len(sides) > 1 or (side in {"left", "right"} and not sides <= {side})
    return value if is_aside or is_other else f"{value}, {_plain(place.words)}"


def location_qualifiers(value: str, site: Coding) -> tuple[Coding, ...]:
    """The place within `site` that a tumour's site names, unless the site's own display says it."""
    place = _only_place(lowered(value))
    words = re.findall(_WORD, place.words) if place else []
    known = by_code("body_location_qualifier")
    named = dict.fromkeys(known[_CODES[word]] for word in words)
    own = (site.display or "").lower()
    return tuple(code for code in named if not _is_said_in(own, code))


def _own_names(site: Site) -> set[str]:
    return set() if site.name in _NO_ORGANS else {site.name, _OTHER_NAMES.get(site.name, site.name)}


def _only_place(text: str) -> _Place | None:
    """The one place in the one organ that a lower-case text names, if nothing else in it speaks of places."""
    organs = list(find_sites(text))
    if len({site.key for site, _, _ in organs}) != 1:
        return None
    if any(text[start:end] not in _own_names(site) for site, start, end in organs):
        return None
    places = list(_places(text, organs))
    if len({_plain(place.words) for place in places}) != 1:
        return None
    place = places[0]
    rest = text
    for other in places:
        rest = rest[: other.start] + " " * (other.end - other.start) + rest[other.end :]
    around = rest[max(0, place.start - _AROUND) : place.end + _AROUND]
    elsewhere = set(_SPEAKS_OF_PLACE.findall(rest)) - set(_SPEAKS_OF_PLACE.findall(place.words))
    return None if elsewhere or _RELATED.search(around) else place


def _places(text: str, organs: list[tuple[Site, int, int]]) -> Iterator[_Place]:
    """The places that are named with an organ."""
    for _, start, end in organs:
        found = [_BEHIND.match(text, end)]
        if _SITE_ENDS.match(text, end):
            found.append(_BEFORE.search(text, max(0, start - _FAR), start))
        for match in filter(None, found):
            named = match.lastgroup or 0
            yield _Place(words=match[named], start=match.start(named), end=match.end(named))


def _plain(words: str) -> str:
    return " ".join(re.split(r"[\s-]+", words))


def _is_said_in(display: str, place: Coding) -> bool:
    word = (place.display or "").lower().split(" (")[0]
    return re.search(rf"\b{word}\b", display) is not None
