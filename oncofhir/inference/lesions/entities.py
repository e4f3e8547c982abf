"""The neoplasms of a report, each with its context, its unit.

And the organ and side that the text gives it.
"""

import re
from functools import cached_property

from oncofhir.inference.index.report_index import ReportIndex
from oncofhir.inference.lesions.units import Units, organs_in
from oncofhir.inference.mentions.laterality import lateralities
from oncofhir.inference.mentions.neoplasm import Neoplasm, neoplasms
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Rejection
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.sites import find_sites, sites

MOST_ENTITIES = 4000
_BEHIND = 70
_BEFORE = 160
_HEADING = 200
_SHORT_LINE = 90
_PLACE = re.compile(
    r"[\s,]{0,3}(?:\([^)]{0,20}\)\s?)?(?:of|in|involving|arising (?:in|from|within)|at|from|within|on)\s",
    re.IGNORECASE,
)
_STOP = re.compile(
    r"[;.\n(]|\b(?:with|without|and|no|which|that|on|status|extending|invading|metasta\w*)\b",
    re.IGNORECASE,
)
_NOT_THE_PLACE = re.compile(
    r"\b(?:lymph|nodes?|nodal|margins?|normal|benign|unremarkable|uninvolved|negative|axilla\w*"
    r"|effusions?|fluids?|ascites|ascitic|paracentesis|thoracentesis"
    r"|involvement|invasion|extension|skin ellipse|skin[ -]sparing|wall invasion)\b",
    re.IGNORECASE,
)
# "Esophageal and gastroesophageal junction carcinoma" is the title of a checklist and names no organ.
_LISTED = re.compile(r"[\s,/]{0,3}(?:\w+[\s,]{1,3})?(?:and|or|/|,)[\s,]{0,3}", re.IGNORECASE)
_ORIGIN = re.compile(
    r"(?:\bof |\bfrom (?:a |the |her |his |known )?|consistent with (?:a )?|compatible with (?:a )?"
    r"|favou?r(?:s|ing)? (?:a )?|known (?:primary (?:of|in) (?:the )?)?)"
    r"(?P<organ>[\w ]{3,40}?)(?: primary| origin|\b(?=[.,;\n)]|$))|(?P<organ2>\w+) (?:primary|origin)\b"
    r"|primary (?:site |of |in )(?:the )?(?P<organ3>\w+)",
    re.IGNORECASE,
)
_FROM_ELSEWHERE = re.compile(
    r"\b(?:(?:most |highly )?(?:consistent|compatible) with|c/w|favou?r(?:s|ing|ed)?|suggestive of"
    r"|in keeping with|suggesting|likely)[\s:]{1,2}"
    r"(?:(?:metasta\w+|spread|origin) (?:of|from) (?:a |an |the )?)?"
    r"(?P<organ>[\w /-]{3,40}?) (?:primary|origin)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:not|no|against|excludes?|rather than|less)\b", re.IGNORECASE)
# Where no carcinoma begins (WHO Classification of Tumours: of the central nervous system, of the pleura).
_NO_CARCINOMA = frozenset({"brain", "spinal cord", "meninges", "pleura"})
# No carcinoma of the epidermis and no melanoma begins in soft tissue (WHO Classification of Skin Tumours).
_OF_SKIN = re.compile(r"basal cell|squamous|melanoma|merkel|bowen", re.IGNORECASE)
# Histologies that name their organ (ICD-O-3: site-specific morphology).
_IMPLIED = tuple(
    (re.compile(pattern, re.IGNORECASE), organ)
    for pattern, organ in (
        (r"glio|astrocyt|oligodendro|medulloblast|ependym", "brain"),
        (r"hepatocell|hepatoblast|fibrolamellar", "liver"),
        (r"renal cell|clear cell renal|wilms|nephroblast", "kidney"),
        (r"urothelial|transitional", "bladder"),
        (r"basal cell|merkel|bowen|lentigo maligna", "skin"),
        (r"adrenocortical|adrenal cortical|pheochromocytoma", "adrenal gland"),
        (r"seminoma|germ cell", "testis"),
        (r"thyroid", "thyroid"),
        (
            r"ductal carcinoma|lobular carcinoma|ductal and lobular|\bdcis\b|\blcis\b|lobular neoplasia",
            "breast",
        ),
        (r"thym", "thymus"),
        (r"cholangio", "bile duct"),
        (r"retinoblast|uveal|choroidal|conjunctival", "eye"),
    )
)
SYSTEMIC = re.compile(
    r"lymphoma|leuk(?:a)?emia|myeloma|plasmacytoma|mycosis fungoides", re.IGNORECASE
)
# Words that say malignant and no more; the heading above them is not where such a tumour is.
NO_NAMES = frozenset(
    {"malignancy", "malignancies", "malignant", "cancer", "cancers", "malignant neoplasm"}
)
# Organs of which there is one: no side (ICD-O-3, laterality; SEER paired organ sites).
UNPAIRED = frozenset(
    {
        "stomach", "esophagus", "gastroesophageal junction", "colon", "rectum", "rectosigmoid junction",
        "prostate", "bladder", "liver", "pancreas", "endometrium", "uterus", "cervix", "bile duct",
        "small intestine", "thymus", "appendix", "vagina", "vulva", "penis", "retroperitoneum", "peritoneum",
        "spleen", "spinal cord", "larynx",
    }
)  # fmt: skip


class Entity(Value):
    """One mention of a neoplasm. `rejection` is None where it is a current one of the patient."""

    neoplasm: Neoplasm
    rejection: Rejection | None
    unit: str | None
    organ: str | None
    side: str | None
    primary_organ: str | None = None

    @property
    def start(self) -> int:
        return self.neoplasm.start

    @property
    def behaviour(self) -> Behaviour:
        return self.neoplasm.behaviour


class Entities:
    """All neoplasms of a report."""

    def __init__(self, index: ReportIndex, units: Units) -> None:
        self._index = index
        self._units = units

    @cached_property
    def all(self) -> tuple[Entity, ...]:
        found = list(neoplasms(self._index.text))
        if len(found) > MOST_ENTITIES:
            found.sort(key=lambda n: self._index.authority(n.start), reverse=True)
            found = sorted(found[:MOST_ENTITIES], key=lambda n: n.start)
        return tuple(map(self._entity, found))

    @cached_property
    def current(self) -> tuple[Entity, ...]:
        """Those that are affirmed of the patient, now."""
        return tuple(entity for entity in self.all if entity.rejection is None)

    def _entity(self, found: Neoplasm) -> Entity:
        place = self._place(found)
        primary = None
        if found.behaviour is Behaviour.METASTATIC:
            primary = (
                self._origin(found)
                or implied_organ(found.name)
                or _own_organ(self._index.text, found)
            )
            place = self._place_before(found)
        organ = place[0] if place else None
        if organ == "soft tissue" and _OF_SKIN.search(found.name):
            organ = "skin"
        if found.behaviour is Behaviour.INVASIVE:
            origins = self._stated_origins(found)
            is_carcinoma = "carcinoma" in found.name and "plexus" not in found.name
            if (origins and organ not in origins) or (is_carcinoma and organ in _NO_CARCINOMA):
                found = found.model_copy(update={"behaviour": Behaviour.METASTATIC})
                primary = next(iter(origins)) if len(origins) == 1 else None
        if organ is None and found.behaviour is not Behaviour.METASTATIC:
            organ = implied_organ(found.name)
        return Entity(
            neoplasm=found,
            rejection=self._index.rejection(found.start, found.end),
            unit=self._units.at(found.start),
            organ=organ,
            side=place[1] if place else None,
            primary_organ=primary,
        )

    def _place(self, found: Neoplasm) -> tuple[str | None, str | None] | None:
        own = _own_organ(self._index.text, found)
        if own is not None:
            return own, self._side_near(found.start, found.end, own)
        return self._place_behind(found) or self._place_before(found)

    def _place_behind(self, found: Neoplasm) -> tuple[str | None, str | None] | None:
        text = self._index.text
        match = _PLACE.match(text, found.end)
        if match is None:
            return None
        stretch = text[match.end() : match.end() + _BEHIND]
        stop = _STOP.search(stretch)
        words = stretch[: stop.start()] if stop else stretch
        for organ, start, _ in organs_in(words):
            if not _NOT_THE_PLACE.search(words[:start]):
                return organ, _side_in(words)
        return None

    def _place_before(self, found: Neoplasm) -> tuple[str | None, str | None] | None:
        """The organ that the clause, else the heading above it, names last before the neoplasm."""
        first, _ = self._index.clause_at(found.start)
        first = max(first, found.start - _BEFORE)
        place = self._last_place(first, found.start)
        if place is not None or found.name in NO_NAMES:
            return place
        unit = self._units.start_at(found.start)
        if self._units.is_of_one_organ:
            unit = None
        least = max(0, found.start - _HEADING, unit or 0)
        return self._last_place(least, first, headings_only=unit is None)

    def _last_place(
        self, first: int, last: int, *, headings_only: bool = False
    ) -> tuple[str | None, str | None] | None:
        text = self._index.text[first:last]
        found: tuple[str, int, int] | None = None
        for site, start, end in organs_in(text):
            around = text[max(0, start - 12) : end + 22]
            if _NOT_THE_PLACE.search(around):
                continue
            if headings_only and not _is_heading(text, start, end):
                continue
            if found is not None and found[0] != site and _LISTED.fullmatch(text[found[2] : start]):
                found = None
            else:
                found = (site, start, end)
        if found is None:
            return None
        organ, start, end = found
        side = _side_in(text[max(0, start - 40) : end + 40])
        return organ, side

    def _origin(self, found: Neoplasm) -> str | None:
        text = self._index.text
        _, last = self._index.clause_at(found.start)
        for match in _ORIGIN.finditer(text, found.end, min(last, found.end + 90)):
            words = match["organ"] or match["organ2"] or match["organ3"] or ""
            organ = next((site.name for site, _, _ in find_sites(words)), None)
            if organ:
                return organ
        return None

    def _stated_origins(self, found: Neoplasm) -> set[str]:
        """The organs that a clause says the tumor comes from: "carcinoma, compatible with breast primary"."""
        _, last = self._index.clause_at(found.start)
        match = _FROM_ELSEWHERE.search(self._index.text, found.end, min(last, found.end + 120))
        if match is None or _DENIED.search(self._index.text[found.end : match.start()]):
            return set()
        return {site.name for site, _, _ in find_sites(match["organ"])}

    def _side_near(self, start: int, end: int, organ: str) -> str | None:
        del organ
        first, last = self._index.clause_at(start)
        text = self._index.text
        before = _side_in(text[max(first, start - 40) : start])
        return before or _side_in(text[end : min(last, end + 25)])


def implied_organ(name: str) -> str | None:
    """The organ that a histology names by itself."""
    return next((organ for pattern, organ in _IMPLIED if pattern.search(name)), None)


def is_paired(organ: str | None) -> bool:
    """Whether a tumour of the organ may have a side."""
    return organ is not None and organ not in UNPAIRED


def _own_organ(text: str, found: Neoplasm) -> str | None:
    """The organ that stands in the name, or just before it: "breast carcinoma", "right lung cancer"."""
    words = text[max(0, found.start - 25) : found.end].rpartition("\n")[2]
    begins = len(words) - (found.end - found.start)
    named = None
    for site, start, end in find_sites(words):
        between = words[end:begins] if end <= begins else ""
        is_beside = re.fullmatch(r"[\s-]{1,2}(?:\w+[ -]){0,1}", between)
        if start >= begins or (is_beside and not _NOT_THE_PLACE.search(between)):
            named = site.name
    return named


def _side_in(words: str) -> str | None:
    return next((m.value for m in lateralities(words)), None)


def _is_heading(text: str, start: int, end: int) -> bool:
    """Whether a place stands in a line or sentence that ends with a colon, or is a short line of its own."""
    begins = max(text.rfind("\n", 0, start), text.rfind(". ", 0, start)) + 1
    line_end = text.find("\n", end)
    stop = len(text) if line_end < 0 else line_end
    colon = text.find(":", start, stop)
    sentence = text.find(". ", end, stop)
    if colon >= 0 and (sentence < 0 or colon < sentence):
        return True
    return (
        sentence < 0
        and stop - begins <= _SHORT_LINE
        and not text[begins:stop].rstrip().endswith(".")
    )


ORGANS = frozenset(site.name for site in sites())
