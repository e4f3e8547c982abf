"""The words for a tumour's site: where "tumor site" says so, else near the malignancy."""

import re
from collections import defaultdict
from collections.abc import Callable

from oncofhir.inference.index.report_index import ReportIndex
from oncofhir.inference.lesions.entities import implied_organ
from oncofhir.inference.mentions.malignancy import MALIGNANCY
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Rejection
from oncofhir.terminology.coding import narrowest_site_words
from oncofhir.terminology.icd10cm import parts_named
from oncofhir.terminology.sites import find_sites

_NODES = re.compile(r"lymph node|metasta|margin", re.IGNORECASE)
_OF_TUMOR = re.compile(
    r"(?:tumou?r|lesion|cancer)[ ,]{1,2}(?:site|location|located)|primary site"
    r"|site of (?:the )?(?:primary )?tumou?r|specimen site|tumou?r topography",
    re.IGNORECASE,
)
_NOT_HERE = re.compile(
    r"\b(?:no|not|without|negative|free|benign|uninvolved|unremarkable|normal|reactive)\b",
    re.IGNORECASE,
)
# A fluid is where cells were found and no organ; what is said to be healthy is no site.
_NOT_OF_TUMOR = re.compile(
    r"(?:\s(?:fluid|effusion)s?\b|s?\s?:\s?(?:normal|unremarkable|negative|benign|clear|no )"
    r"|s? (?:is|are) (?:normal|unremarkable))",
    re.IGNORECASE,
)
_NEAR = 60
_ADJECTIVE = re.compile(r"(?!ovary)\w*(?:ic|al|ar|ary|ian|ine|enic)(?: cell)?", re.IGNORECASE)
# Organs that a resection takes along, or that a report names to say that they are not involved.
_BYSTANDERS = frozenset(
    {
        "bone", "soft tissue", "spleen", "pleura", "thymus", "adrenal gland", "peritoneum",
        "fallopian tube", "vagina", "uterus", "appendix", "bile duct", "small intestine",
        "renal pelvis", "retroperitoneum", "skin", "thyroid",
    }
)  # fmt: skip


class NamedSite(Value):
    """A site: its name, the report's words for it, and whether a malignancy is named with it.

    `part` are the words in which the report names the part of the organ that the tumor is in.
    """

    name: str
    words: str
    is_malignant: bool
    part: str | None = None

    def in_part(self, words: str | None) -> "NamedSite":
        """The site with the part that words name, called by it where the part has a concept of its own."""
        if words is None:
            return self
        own = narrowest_site_words(words)
        is_part = (
            own is not None
            and bool(parts_named(self.name, own))
            and {site.name for site, _, _ in find_sites(own)} == {self.name}
        )
        return self.model_copy(update={"part": words, **({"words": own} if is_part else {})})


class _Place(Value):
    words: str
    start: int
    weight: float
    malignant: bool


def named_site(
    index: ReportIndex, histology: str, organ: str | None, within: Callable[[int], bool]
) -> NamedSite | None:
    """The site of the malignancy called `histology`, among the places that `within` accepts.

    `organ` is the one that the text joins to the malignancy itself, if it does.
    """
    places: dict[str, list[_Place]] = defaultdict(list)
    for found, start, end in find_sites(index.text):
        is_of_tumor = not _NOT_OF_TUMOR.match(index.text, end)
        if (
            is_of_tumor
            and within(start)
            and index.rejection(start, end) in {None, Rejection.NEGATED}
        ):
            places[found.name].append(_placed(index, start, end))
    implied = implied_organ(histology)
    best = max(
        places,
        key=lambda n: (
            max(p.weight for p in places[n])
            + min(len(places[n]), 10) * 0.2
            - 1.5 * (n in _BYSTANDERS and n != organ)
            + 3.0 * (n == implied)
            + 3.0 * (n == organ),
            -min(p.start for p in places[n]),
        ),
        default=None,
    )
    if best is None:
        return None
    words = max(
        places[best], key=lambda p: (p.words == best, not _ADJECTIVE.fullmatch(p.words), p.weight)
    ).words
    malignant = best in {implied, organ} or any(p.malignant for p in places[best])
    return NamedSite(name=best, words=words, is_malignant=malignant)


def _placed(index: ReportIndex, start: int, end: int) -> _Place:
    text = index.text
    before, after = text[max(0, start - _NEAR) : start], text[end : end + 2 * _NEAR]
    weight = float(index.authority(start)) + 3.0 * bool(_OF_TUMOR.search(before))
    malignant = MALIGNANCY.search(after)
    affirmed = False
    if malignant is not None:
        affirmed = index.rejection(end + malignant.start(), end + malignant.end()) is None
        weight += (1.5 if malignant.start() < _NEAR else 1.0) if affirmed else -1.0
    elif MALIGNANCY.search(before):
        affirmed = True
        weight += 0.5
    weight -= bool(_NODES.search(before[-30:] + after[:15]))
    weight -= bool(_NOT_HERE.search(before[-20:] + after[:30]))
    return _Place(words=text[start:end].lower(), start=start, weight=weight, malignant=affirmed)
