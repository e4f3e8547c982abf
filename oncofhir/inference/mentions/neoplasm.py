"""Neoplasms by their whole name, with behaviour.

"invasive lobular carcinoma", "DCIS", "metastatic adenocarcinoma".
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache

from oncofhir.inference.mentions.malignancy import MALIGNANCY, is_compound
from oncofhir.schemas.base import Value
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.lowered import any_of, lowered
from oncofhir.terminology.neoplasm_mentions import find_neoplasms
from oncofhir.terminology.tables import by_words

_MODIFIERS = (
    "invasive", "infiltrating", "infiltrative", "malignant", "poorly", "moderately", "well", "high", "low",
    "clear", "small", "large", "giant", "signet", "ring", "grade", "cell", "cells", "type", "acinar",
    "ductal", "lobular", "mucinous", "papillary", "serous", "endometrioid", "squamous", "urothelial",
    "hepatocellular", "renal", "basal", "merkel", "mixed", "keratinizing", "keratinising",
    "nonkeratinizing", "superficial", "spreading", "nodular", "medullary", "follicular", "transitional",
    "chromophobe", "adenoid", "cystic", "diffuse", "duct", "mammary", "micropapillary", "tubular",
    "cribriform", "colloid", "apocrine", "anaplastic", "pleomorphic", "spindle", "neuroendocrine",
    "metaplastic", "b", "t", "acute", "chronic", "myeloid", "lymphoblastic", "lymphocytic", "lymphoid",
    "monocytic", "promyelocytic", "myelogenous", "hodgkin", "hodgkin's", "multiple", "plasma", "mantle",
    "marginal", "zone", "burkitt", "acral", "lentiginous", "desmoplastic", "uveal", "cutaneous",
    "embryonal", "alveolar", "ewing", "ewing's", "kaposi", "kaposi's", "gastrointestinal", "stromal",
    "epithelioid", "sarcomatoid", "biphasic", "cohesive", "combined", "fibrolamellar", "nasopharyngeal",
    "hurthle", "oncocytic", "adrenocortical", "adrenal", "cortical", "myxoid", "dedifferentiated",
    "synovial", "noninvasive", "microinvasive", "minimally", "intramucosal", "intraductal", "encapsulated",
    "thyroid", "breast", "colon", "colonic", "colorectal", "rectal", "gastric", "lung", "pancreatic",
    "prostatic", "prostate", "ovarian", "cervical", "endometrial", "uterine", "bladder", "kidney", "liver",
    "thymic", "esophageal", "oesophageal", "bronchogenic", "bronchioloalveolar", "lepidic", "germ",
    "peripheral", "extranodal", "nodal", "primary", "cns", "central", "nervous", "system", "verrucous",
    "sebaceous", "eccrine", "secretory", "choroidal", "mucosal", "natural", "killer", "nk", "classical",
    "nonseminomatous",
)  # fmt: skip

_MOD = rf"(?:(?:non[- ]{{1,2}})?(?:{any_of(_MODIFIERS)}|wilms'?)(?:[ \-]{{1,3}}|, (?=cell)))"
_IN_SITU_TAIL = r"(?:[ ,-]{1,3}\(?in[ -]situ\)?)?"
_TAIL = (
    rf"{_IN_SITU_TAIL}(?:,? ?\(?(?:of )?no special type\)?|,? nos\b|,? nst\b)?"
    r"(?: \((?:ductal|dcis|lcis|nephroblastoma|ductal type)\))?"
    r"(?:, (?:tubular|mucinous|lobular|papillary|acinar|lentigo maligna|clear cell|serous|endometrioid"
    r"|signet[- ]ring cell|diffuse|intestinal|follicular|superficial spreading|nodular"
    r"|micropapillary|medullary|cribriform|acral lentiginous|desmoplastic|basaloid|sarcomatoid"
    r"|adenoid cystic|classic|chromophobe)(?: (?:type|variant|subtype|predominant|pattern))?(?=[,.;:\n ]|$))?"
    r"(?: of unknown (?:primary|origin)(?: site| origin)?)?"
    r"(?:,? with (?:signet[- ]ring cells?(?: features)?|maturation))?"
)
# Names that say that it is malignant and no more.
_GENERIC = re.compile(
    r"(?:(?:invasive|infiltrating|malignant|grade|high|low|poorly|cell|mixed|type)[ -]+)*"
    r"(?:carcinomas?|karzinom|carcinome|cancers?|malignan\w+|neoplasms?|tumou?rs?|sarcomas?|gliomas?|lymphomas?|leuk(?:a)?emias?)",
)
_BENIGN = re.compile(
    r"\b(?:fibroadenomas?|(?:tubulo)?(?:villous )?adenomas?|tubular adenomas?|hyperplastic polyps?|polyps?"
    r"|cysts?|cystic lesion|ha?emangiomas?|lipomas?|n(?:a)?ev(?:us|i)|keratos[ie]s"
    r"|meningiomas?|granulomas?|leiomyomas?|fibroids?|myomas?|papillomas?|hamartomas?|hyperplasia|goit(?:re|er)s?|lymphangiomas?|osteomas?|schwannomas?|neurofibromas?|gynecomastia"
    r"|oncocytomas?|angiomyolipomas?|diverticul\w+|abscess\w*|hematomas?|haematomas?|seromas?|calculus|calculi|stones?|aneurysms?|hernias?|dysplasia|gastritis|colitis|inflammation"
    r"|intraepithelial lesion|cin [123]|pin\b|benign (?:mass|lesion|nodule|tissue|breast)|lymph nodes?"
    r"|whorled|tumou?r bed|scar|radial scar|biopsy clip|clip|pituitary adenomas?|teratomas?)\b",
)
_DECISIVE_IN_SITU = re.compile(
    r"in[ -]situ|\bdcis\b|\blcis\b|intraductal(?! papill)|non-?invasive|bowen|lentigo maligna(?! melanoma)"
    r"|intramucosal|lobular neoplasia|intraepithelial carcinoma",
)
_TA = re.compile(r"\bp?ta\b|\bp?tis\b")
_METASTATIC_BEFORE = re.compile(
    r"\b(?:metastatic|metastas[ie]s (?:of|from|to|consistent with)|metastases (?:of|from)|metastasi[sz]ed"
    r"|metastasi[sz]ing|secondary|deposits? of|spread of|involvement by"
    r"|involved by)[\s,:-]{1,3}(?:\w+[ -]{1,2}){0,4}$",
)
_METASTASIS = re.compile(
    r"\bmetasta(?:sis|ses)\b|\bsecondary malignan\w+|\bmetastatic (?:disease|tumou?rs?|lesions?)"
)


# The organ before a name is where it sits and no part of the histology; "hepatocellular" and "papillary
# thyroid" are.
_ORGAN_FIRST = re.compile(
    r"^(?:(?:breast|colon|colonic|colorectal|rectal|gastric|lung|pancreatic|prostatic|prostate|ovarian|cervical|endometrial|uterine|bladder|kidney|liver"
    r"|esophageal|oesophageal|bronchogenic|cutaneous|primary|thymic)[ -]+)+"
)


# ICD-O behaviour 1, which the terminology knows by other names too.
_UNCERTAIN_BEHAVIOUR = re.compile(r"malignant potential|uncertain behaviou?r")
_MALIGNANT = frozenset({Behaviour.INVASIVE, Behaviour.IN_SITU, Behaviour.METASTATIC})


class Neoplasm(Value):
    """A neoplasm by its name: in lower case, without its organ and what is said of its spread."""

    name: str
    start: int
    end: int
    behaviour: Behaviour
    is_generic: bool = False


@cache
def _pattern() -> re.Pattern[str]:
    """For text in lower case."""
    listed = any_of(w for w in by_words("histology") if MALIGNANCY.search(w))
    listed = listed.replace(r"\ ", r"[\s-]+")
    heads = MALIGNANCY.pattern
    return re.compile(
        rf"(?<![\w])(?:{_MOD}){{0,7}}(?:(?:{listed})(?!\w)|{heads}){_TAIL}|\b(?:{listed})\b"
        rf"|(?<![\w])(?:{_MOD}){{1,6}}ca(?![\w-]| ?\d)"
    )


def neoplasms(text: str) -> Iterator[Neoplasm]:
    """Every malignant or in-situ neoplasm that a text names, affirmed or not."""
    lower = lowered(text)
    written = list(_written(lower))
    taken = [(found.start, found.end) for found in written]
    yield from sorted([*written, *_of_terminology(text, taken)], key=lambda found: found.start)


def _of_terminology(text: str, taken: list[tuple[int, int]]) -> Iterator[Neoplasm]:
    """The malignant names of the terminology that the pattern has not: abbreviations, rare diseases."""
    for found in find_neoplasms(text):
        position = bisect_right(taken, (found.end, 0))
        if position > 0 and taken[position - 1][1] > found.start:
            continue
        if found.behaviour in _MALIGNANT and not is_compound(lowered(text), found.start, found.end):
            yield Neoplasm(
                name=_ORGAN_FIRST.sub("", found.neoplasm.name),
                start=found.start,
                end=found.end,
                behaviour=found.behaviour,
                is_generic=found.neoplasm.generic,
            )


def _written(lower: str) -> Iterator[Neoplasm]:
    for match in _pattern().finditer(lower):
        uncertain = _UNCERTAIN_BEHAVIOUR.search(match[0])
        if uncertain or is_compound(lower, match.start(), match.end()):
            continue
        name = _ORGAN_FIRST.sub("", " ".join(match[0].split()).strip(" ,-("))
        before = lower[max(0, match.start() - 60) : match.start()].rpartition("\n")[2]
        yield Neoplasm(
            name=name,
            start=match.start(),
            end=match.end(),
            behaviour=_behaviour(lower, match, before),
            is_generic=_GENERIC.fullmatch(name) is not None,
        )


def benign(text: str) -> Iterator[tuple[int, int]]:
    """What has a size or a grade and is no malignant neoplasm."""
    for match in _BENIGN.finditer(lowered(text)):
        yield match.span()


def metastases(text: str) -> Iterator[tuple[int, int]]:
    """The words for a metastasis itself."""
    for match in _METASTASIS.finditer(lowered(text)):
        yield match.span()


def _behaviour(lower: str, match: re.Match[str], before: str) -> Behaviour:
    name = match[0]
    if _METASTATIC_BEFORE.search(before):
        return Behaviour.METASTATIC
    tail = lower[match.end() : match.end() + 30]
    if _DECISIVE_IN_SITU.search(name) or re.match(r"[\s,(]{0,3}(?:in[ -]situ|non-?invasive)", tail):
        return Behaviour.IN_SITU
    if re.search(r"(?:non-?invasive|in[ -]situ)(?: \w+[ -]?){0,4}$", before[-45:]):
        return Behaviour.IN_SITU
    return Behaviour.INVASIVE


def first_neoplasm(text: str) -> str | None:
    """The first neoplasm that a short text names, in lower case; None if it names none."""
    return next((found.name for found in neoplasms(text)), None)
