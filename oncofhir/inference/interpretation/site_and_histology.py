"""Which histology and which site the rules name: by place, company and how often it is said."""

import re
from collections import defaultdict
from functools import cache

from oncofhir.inference.interpretation.evidence import Reading
from oncofhir.inference.mentions.malignancy import MALIGNANCY
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Rejection
from oncofhir.terminology.lowered import any_of, lowered
from oncofhir.terminology.sites import find_sites
from oncofhir.terminology.tables import by_words

IN_SITU = re.compile(r"in[- ]situ|intraductal|dcis|lcis", re.IGNORECASE)
NODES = re.compile(r"lymph node|metasta|margin", re.IGNORECASE)
_OF_TUMOR = re.compile(
    r"(?:tumou?r|lesion|cancer)[ ,]{1,2}(?:site|location|located)|primary site"
    r"|site of (?:the )?(?:primary )?tumou?r|specimen site|tumou?r topography",
    re.IGNORECASE,
)
_NOT_HERE = re.compile(
    r"\b(?:no|not|without|negative|free|benign|uninvolved|unremarkable|normal|reactive)\b",
    re.IGNORECASE,
)
_NON = re.compile(r"\bnon[- ]{0,2}$", re.IGNORECASE)
_NEAR = 60
_MODIFIERS = (
    r"(?:(?:invasive|infiltrating|malignant|poorly|moderately|well|high|low|clear|small|large|signet|ring|"
    r"grade|cell|type|acinar|ductal|lobular|mucinous|papillary|serous|endometrioid|squamous|urothelial|"
    r"hepatocellular|renal|basal|mixed|keratinizing|superficial|spreading|medullary|follicular|transitional|"
    r"chromophobe|adenoid|cystic|diffuse|duct|mammary|micropapillary|tubular|anaplastic|pleomorphic|spindle|"
    r"neuroendocrine|metaplastic|b)[ -]+){0,5}"
)
# Names that say that it is malignant and no more.
_GENERIC = re.compile(
    r"(?:(?:invasive|infiltrating|malignant|grade|high|low|poorly|cell|mixed|type)[ -]+)*"
    r"(?:carcinoma|cancer|malignan\w+|neoplasm|tumou?r|sarcoma|glioma|lymphoma)",
    re.IGNORECASE,
)
_MEANINGLESS = re.compile(
    r"(?:cancer|malignant|malignancy)|(?:cell|grade|type|b)\b.*", re.IGNORECASE
)
_ADJECTIVE = re.compile(r"(?!ovary)\w*(?:ic|al|ar|ary|ian|ine|enic)(?: cell)?", re.IGNORECASE)
# Histologies that name their organ.
_IMPLIED = tuple(
    (re.compile(pattern, re.IGNORECASE), organ)
    for pattern, organ in (
        (r"glio|astrocyt|oligodendro|medulloblast", "brain"),
        (r"hepatocell", "liver"),
        (r"renal cell|clear cell renal", "kidney"),
        (r"urothelial|transitional", "bladder"),
        (r"basal cell", "skin"),
        (r"adrenocortical|adrenal cortical|pheochromocytoma", "adrenal gland"),
        (r"seminoma|germ cell", "testis"),
        (r"thyroid", "thyroid"),
        (r"ductal carcinoma|lobular carcinoma|ductal and lobular", "breast"),
        (r"thym", "thymus"),
    )
)
# Organs that a resection takes along, or that a report names to say that they are not involved.
_BYSTANDERS = frozenset(
    {
        "bone", "soft tissue", "spleen", "pleura", "thymus", "adrenal gland", "peritoneum",
        "fallopian tube", "vagina", "uterus", "appendix", "bile duct", "small intestine",
        "renal pelvis", "retroperitoneum", "skin", "thyroid",
    }
)  # fmt: skip


@cache
def _histologies() -> re.Pattern[str]:
    """For text in lower case."""
    listed = any_of(w for w in by_words("histology") if MALIGNANCY.search(w))
    listed = listed.replace(r"\ ", r"[\s-]+")
    return re.compile(rf"\b(?:{listed}|{_MODIFIERS}{MALIGNANCY.pattern[2:-2]})\b")


def first_histology(text: str) -> str | None:
    """The first malignancy that a short text names, in lower case; None if it names none."""
    match = _histologies().search(lowered(text))
    return " ".join(match[0].split()) if match else None


def histology(reading: Reading) -> str:
    """The name of the malignancy, in lower case; empty when none is affirmed."""
    best: tuple[float, int, int, str] | None = None
    for match in _histologies().finditer(lowered(reading.text)):
        start, _ = reading.sentence_at(*match.span())
        name = " ".join(match[0].lower().split())
        if (
            reading.assertion(*match.span()) is not None
            or _MEANINGLESS.fullmatch(name)
            or _NON.search(reading.text[max(0, match.start() - 6) : match.start()])
        ):
            continue
        weight = reading.authority(match.start()) - 2.0 * bool(IN_SITU.search(name))
        weight -= 2.0 * bool(NODES.search(reading.text[start : match.start()]))
        weight -= 1.5 * bool(_GENERIC.fullmatch(name))
        rank = (weight, min(3, len(name.split())), -match.start(), name)
        best = rank if best is None or rank > best else best
    return best[3] if best else ""


class NamedSite(Value):
    """A site: its name, the report's words for it, and whether a malignancy is named beside it."""

    name: str
    said: str
    malignant: bool


def site(reading: Reading, name: str) -> NamedSite | None:
    """The site of the malignancy called `name`: where "tumor site" says so, else near the malignancy."""
    places: dict[str, list[_Place]] = defaultdict(list)
    for found, start, end in find_sites(reading.text):
        if reading.assertion(start, end, frozenset({Rejection.NEGATED})) is None:
            places[found.name].append(_placed(reading, start, end))
    implied = next((organ for pattern, organ in _IMPLIED if pattern.search(name)), None)
    best = max(
        places,
        key=lambda n: (
            max(p.weight for p in places[n])
            + min(len(places[n]), 10) * 0.2
            - 1.5 * (n in _BYSTANDERS)
            + 3.0 * (n == implied),
            -min(p.start for p in places[n]),
        ),
        default=None,
    )
    if best is None:
        return None
    said = max(
        places[best], key=lambda p: (p.said == best, not _ADJECTIVE.fullmatch(p.said), p.weight)
    ).said
    malignant = best == implied or any(p.malignant for p in places[best])
    return NamedSite(name=best, said=said, malignant=malignant)


class _Place(Value):
    said: str
    start: int
    weight: float
    malignant: bool


def _placed(reading: Reading, start: int, end: int) -> _Place:
    text = reading.text
    before, after = text[max(0, start - _NEAR) : start], text[end : end + 2 * _NEAR]
    weight = float(reading.authority(start)) + 3.0 * bool(_OF_TUMOR.search(before))
    malignant = MALIGNANCY.search(after)
    affirmed = False
    if malignant is not None:
        affirmed = reading.assertion(end + malignant.start(), end + malignant.end()) is None
        weight += (1.5 if malignant.start() < _NEAR else 1.0) if affirmed else -1.0
    elif MALIGNANCY.search(before):
        affirmed = True
        weight += 0.5
    weight -= bool(NODES.search(before[-30:] + after[:15]))
    weight -= bool(_NOT_HERE.search(before[-20:] + after[:30]))
    return _Place(said=text[start:end].lower(), start=start, weight=weight, malignant=affirmed)
