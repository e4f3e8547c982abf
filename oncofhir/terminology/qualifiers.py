"""Where in an organ a tumour sits, as qualifiers of its body site ("upper outer quadrant": Upper).

Source of the codes: mCODE 4.0.0, RadiotherapyTreatmentLocationQualifierVS, which spells them out; all
lie under Topographical modifier (106233006) or Relative sites (272424004) of SNOMED CT, as
mcode-body-location-qualifier-vs asks.
"""

import re

from oncofhir.schemas.finding import Coding
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
# Of each group one at most: "upper and middle thirds" is no single place, nor is
# "superior segment of lower lobe" said in two words.
_ONE_OF = (
    frozenset({"upper", "superior", "lower", "inferior", "middle", "mid"}),
    frozenset({"proximal", "distal", "middle", "mid"}),
    frozenset({"central", "peripheral"}),
)
# In these a word of place belongs to another structure: "skin of upper third of ear".
_NO_ORGANS = frozenset({"skin", "bone", "soft tissue", "retroperitoneum", "peritoneum", "pleura"})

_WORD = rf"\b(?P<word>{'|'.join(_CODES)})\b"
_BETWEEN = r"(?:[\s-]+(?:inner|outer|anterior|posterior|medial|lateral|left|right))*[\s-]+"
_PART = re.compile(
    rf"{_WORD}{_BETWEEN}(?:lobe|quadrant|pole|third|half|part|portion|segment|aspect|zone)s?\b"
    rf"|\b(?:inner|outer)[\s-]+{_WORD.replace('<word>', '<second>')}[\s-]+quadrants?\b"
)
_APART = re.compile(rf"[,;:(]\s*{_WORD}\s*(?:$|[,;:)])")
_BEFORE = re.compile(rf"{_WORD}(?:[\s-]+(?:left|right))?[\s-]+$")
_SITE_ENDS = re.compile(r"\s*(?:$|[,;:.()]|(?:of|at|in|with)\b)")


def location_qualifiers(value: str, site: Coding) -> tuple[Coding, ...]:
    """The places within `site` that a tumour's site names; what the site's own display says is not repeated.

    None where several organs are named, or places of which only one can be meant.
    """
    text = lowered(value)
    organs = list(find_sites(value))
    if len({organ.key for organ, _, _ in organs}) != 1 or organs[0][0].name in _NO_ORGANS:
        return ()
    said = set(re.findall(_WORD, text))
    if any(len({_CODES[word] for word in said & group}) > 1 for group in _ONE_OF):
        return ()
    known = by_code("body_location_qualifier")
    named = [known[_CODES[word]] for word in _placed(text, organs)]
    own = (site.display or "").lower()
    return tuple(code for code in dict.fromkeys(named) if not _is_said_in(own, code))


def _is_said_in(display: str, place: Coding) -> bool:
    word = (place.display or "").lower().split(" (")[0]
    return re.search(rf"\b{word}\b", display) is not None


def _placed(text: str, organs: list[tuple[Site, int, int]]) -> list[str]:
    """The words of place that speak of the organ or a part of it, in text order."""
    found = [(match.start(), match["word"] or match["second"]) for match in _PART.finditer(text)]
    found += [(match.start("word"), match["word"]) for match in _APART.finditer(text)]
    for _, start, end in organs:
        before = _BEFORE.search(text[:start])
        if before and _SITE_ENDS.match(text, end):
            found.append((before.start(), before["word"]))
    return [word for _, word in sorted(found)]
