"""Which histology and which site the rules name: by place, company and how often it is said."""

import re
from collections import defaultdict
from functools import cache

from oncofhir.inference.diagnosis import MALIGNANCY
from oncofhir.inference.evidence import Reading
from oncofhir.schemas.finding import Rejection
from oncofhir.terminology.sites import find_sites
from oncofhir.terminology.tables import by_words

IN_SITU = re.compile(r"in[- ]situ|intraductal|dcis|lcis", re.IGNORECASE)
NODES = re.compile(r"lymph node|metasta|margin", re.IGNORECASE)
_OF_TUMOR = re.compile(
    r"(?:tumou?r|lesion|cancer)[ ,]{1,2}(?:site|location|located)|primary site|site of (?:the )?(?:primary )?tumou?r"
    r"|specimen site|tumou?r topography",
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
# Organs that a resection takes along, or that a report names to say that they are not involved.
_BYSTANDERS = frozenset(
    {
        "bone", "soft tissue", "spleen", "pleura", "thymus", "adrenal gland", "peritoneum", "fallopian tube", "vagina",
        "uterus", "appendix", "bile duct", "small intestine", "renal pelvis", "retroperitoneum", "skin", "thyroid",
    }
)  # fmt: skip


@cache
def _histologies() -> re.Pattern[str]:
    names = sorted(
        (w for w in by_words("histology") if MALIGNANCY.search(w)), key=len, reverse=True
    )
    listed = "|".join(re.escape(name).replace(r"\ ", r"[\s-]+") for name in names)
    return re.compile(rf"\b(?:{listed}|{_MODIFIERS}{MALIGNANCY.pattern[2:-2]})\b", re.IGNORECASE)


def histology(reading: Reading) -> str:
    """The name of the malignancy, in lower case; empty when none is affirmed."""
    best: tuple[float, int, int, str] | None = None
    for match in _histologies().finditer(reading.text):
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


def site(reading: Reading) -> tuple[str, str]:
    """The site's name and the words for it: where "tumor site" says so, else near the malignancy."""
    weights: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
    for found, start, end in find_sites(reading.text):
        if reading.assertion(start, end, frozenset({Rejection.NEGATED})) is None:
            words = reading.text[start:end].lower()
            weights[found.name].append((_weight(reading, start, end), -start, words))
    best: tuple[float, int, str] | None = None
    for name, places in weights.items():
        often = min(len(places), 10) * 0.2
        rank = (max(places)[0] + often - 1.5 * (name in _BYSTANDERS), max(places)[1], name)
        best = rank if best is None or rank > best else best
    if best is None:
        return "", ""
    places = weights[best[2]]
    nouns = [place for place in places if not _ADJECTIVE.fullmatch(place[2])]
    named = [place for place in nouns if place[2] == best[2]]
    return best[2], max(named or nouns or places)[2]


def _weight(reading: Reading, start: int, end: int) -> float:
    text = reading.text
    before, after = text[max(0, start - _NEAR) : start], text[end : end + 2 * _NEAR]
    weight = float(reading.authority(start)) + 3.0 * bool(_OF_TUMOR.search(before))
    malignant = MALIGNANCY.search(after)
    if malignant is not None:
        said = reading.assertion(end + malignant.start(), end + malignant.end()) is None
        weight += (1.5 if malignant.start() < _NEAR else 1.0) if said else -1.0
    elif MALIGNANCY.search(before):
        weight += 0.5
    weight -= bool(NODES.search(before[-30:] + after[:15]))
    return weight - bool(_NOT_HERE.search(before[-20:] + after[:30]))
