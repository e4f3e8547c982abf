"""Where in an organ a tumour sits, as qualifiers of its body site ("upper outer quadrant": Upper).

Source of the codes: mCODE 4.0.0, RadiotherapyTreatmentLocationQualifierVS, which spells them out; all
lie under Topographical modifier (106233006) or Relative sites (272424004) of SNOMED CT, as
mcode-body-location-qualifier-vs asks.
"""

import re
from collections.abc import Iterable, Iterator

from oncofhir.schemas.finding import Coding
from oncofhir.terminology.lowered import lowered
from oncofhir.terminology.sites import find_sites
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
# Of each group one at most: "upper and middle thirds" is no single place, nor is
# "superior segment of lower lobe" said in two words.
_ONE_OF = (
    frozenset({"upper", "superior", "lower", "inferior", "middle", "mid"}),
    frozenset({"proximal", "distal", "middle", "mid"}),
    frozenset({"central", "peripheral"}),
)
# In these a word of place belongs to another structure: "skin of upper third of ear".
_NO_ORGANS = frozenset({"skin", "bone", "soft tissue", "retroperitoneum", "peritoneum", "pleura"})

_WORD = rf"\b(?:{'|'.join(_CODES)})\b"
_TOWARDS = r"(?:inner|outer|anterior|posterior|medial|lateral)"
_SIDE = r"(?:(?:left|right)[\s,-]+)?"
_PART = (
    rf"(?:{_TOWARDS}[\s-]+)?{_WORD}(?:[\s-]+{_TOWARDS})?"
    r"[\s-]+(?:lobe|quadrant|pole|third|half|part|portion|segment|aspect|zone)s?\b"
)
_BEHIND = re.compile(
    rf"[\s,;:(/-]*{_SIDE}(?P<place>{_PART}(?!\s+of\b)|{_WORD}(?=\s*(?:$|[,;:.)])))"
)
_PART_BEFORE = re.compile(rf"(?P<place>{_PART})[\s,]*(?:of\s+)?(?:the\s+)?{_SIDE}$")
_WORD_BEFORE = re.compile(rf"(?P<place>{_WORD})[\s-]+{_SIDE}$")
_SITE_ENDS = re.compile(
    r"\s*(?:$|[][,;:.()-]|(?:of|at|in|with|and|is|was|cancer|carcinoma|tumou?r|mass|lesion)\b)"
)
# What is said of a node, or of tissue without a tumour, is no place of the tumour.
_ASIDE = re.compile(
    r"\b(?:lymph|nodes?|nodal|normal|benign|unremarkable|uninvolved|non-?neoplastic|no|not|without)\b"
)
_JUST_BEHIND = 15  # characters
_FAR = 60  # characters before an organ within which its place is looked for


def with_place(value: str, quotes: Iterable[str]) -> str:
    """A tumour's site with the place that its quotes name beside the organ, where its own words name none.

    "breast" in "Left breast, upper outer quadrant: carcinoma" is "breast, upper outer quadrant". Unchanged
    where the quotes name no place, or several, or speak of a node or of tissue without a tumour there.
    """
    organ = _organ(value)
    if organ is None or re.search(_WORD, lowered(value)):
        return value
    named: set[str] = set()
    for quote in map(lowered, quotes):
        places = list(_places(quote, organ))
        if places and _exclude_each_other(quote):
            return value
        named |= {place for place, end in places if not _ASIDE.search(quote[: end + _JUST_BEHIND])}
    return f"{value}, {named.pop()}" if len(named) == 1 else value


def location_qualifiers(value: str, site: Coding) -> tuple[Coding, ...]:
    """The place within `site` that a tumour's site names; what the site's own display says is not repeated.

    None where several organs are named, or places of which only one can be meant.
    """
    text = lowered(value)
    organ = _organ(value)
    if organ is None or _exclude_each_other(text):
        return ()
    known = by_code("body_location_qualifier")
    words = [word for place, _ in _places(text, organ) for word in re.findall(_WORD, place)]
    named = dict.fromkeys(known[_CODES[word]] for word in words)
    own = (site.display or "").lower()
    return tuple(code for code in named if not _is_said_in(own, code))


def _organ(value: str) -> str | None:
    """The key of the one organ that a site names; None for what is no single organ."""
    named = {site.key: site.name for site, _, _ in find_sites(value)}
    return next(iter(named)) if len(named) == 1 and not _NO_ORGANS & set(named.values()) else None


def _exclude_each_other(text: str) -> bool:
    said = set(re.findall(_WORD, text))
    return any(len({_CODES[word] for word in said & group}) > 1 for group in _ONE_OF)


def _places(text: str, organ: str) -> Iterator[tuple[str, int]]:
    """The places, in the words of the lower-case text, that stand beside the organ; with the end of both."""
    for site, start, end in find_sites(text):
        if site.key != organ:
            continue
        ahead = text[max(0, start - _FAR) : start]
        found = [_BEHIND.match(text, end)]
        if _SITE_ENDS.match(text, end):
            found += [_PART_BEFORE.search(ahead), _WORD_BEFORE.search(ahead)]
        for match in filter(None, found):
            yield (
                " ".join(re.split(r"[\s-]+", match["place"])),
                match.end() if match.string is text else end,
            )


def _is_said_in(display: str, place: Coding) -> bool:
    word = (place.display or "").lower().split(" (")[0]
    return re.search(rf"\b{word}\b", display) is not None
