"""Compares a found value with its label: exactly (in normal form) or leniently.

| phenotype | exact | lenient |
| --- | --- | --- |
| size | same longest dimension in mm | at most 1 mm apart |
| laterality, receptor | same word | same word |
| grade | same grade: G2 is 2, II is 2, moderately differentiated is 2 | same mCODE grade; same Gleason sum |
| stage | same category; pT2 is T2, pT2 is not cT2 | same number: T1c is T1, IIB is II |
| histology | same words or code: NST is no special type is ductal | shares a word that distinguishes types |
| site | same words; "colorectum, ascending colon" is "ascending colon" | same organ |
| diagnosis | same words or same SNOMED CT disorder | same organ, or one holds the other |

Sources: AJCC for differentiation and numbers; WHO 2019 for "ductal" being "no special type"; mCODE 4.0.0
for the three grades; codes from `oncofhir.terminology`.
"""

import re
from collections.abc import Callable

from oncofhir.evaluation.dataset import Item, Phenotype
from oncofhir.inference.mentions.grade import grades
from oncofhir.inference.mentions.size import sizes, sizes_without_unit
from oncofhir.inference.mentions.stage import stages
from oncofhir.schemas.finding import Kind
from oncofhir.terminology.coding import codings, diagnosis_codings
from oncofhir.terminology.sites import find_sites, site_of

_LENIENT_MM = 1.0
_NEAR_MM = 0.05
_FILLING = frozenset({"of", "the", "nos", "and", "with", "left", "right"})
_COMMON = frozenset(
    {"carcinoma", "cell", "type", "malignant", "invasive", "infiltrating", "tumor", "cancer"}
)
_SAME_WORD = {
    "infiltrating": "invasive", "duct": "ductal", "tumour": "tumor", "neoplasm": "tumor",
    "mammary": "", "breast": "",
}  # fmt: skip
_NST = re.compile(r"\b(?:of )?no special type\b|\bnst\b", re.IGNORECASE)
_BARE_GRADE = re.compile(r"\s*(?:g|grade)?\s*(iv|i{1,3}|[1-4])(?:\s*/\s*\w+)?\s*", re.IGNORECASE)
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}


def exact(item: Item, gold: str, found: str) -> bool:
    """Whether both are equal in normal form."""
    return normal(item, gold) == normal(item, found) or _EXACT.get(item.phenotype, _never)(
        gold, found
    )


def lenient(item: Item, gold: str, found: str) -> bool:
    """Whether both agree by the table above; true whenever `exact` is."""
    return exact(item, gold, found) or _LENIENT.get(item.phenotype, _never)(gold, found)


def normal(item: Item, value: str) -> str:
    """Return the normal form, which the text measures compare too."""
    value = " ".join(value.split())
    match item.phenotype:
        case Phenotype.SIZE:
            number = millimetres(value)
            return value.lower() if number is None else f"{number:g} mm"
        case Phenotype.GRADE:
            return _grade(value)
        case Phenotype.STAGE:
            return _stage(value)
        case Phenotype.HISTOLOGY:
            return _histology(value)
        case Phenotype.SITE:
            return " ".join(_words(value))
        case _:
            return " ".join(re.findall(r"\w+", value.lower()))


def millimetres(value: str) -> float | None:
    """Return the longest dimension of a size; a number without a unit is in mm."""
    mention = next(iter(sizes(value)), None)
    if mention is not None:
        return mention.number
    bare = next(iter(sizes_without_unit(value)), None)
    return max(bare) if bare else None


def _grade(value: str) -> str:
    bare = _BARE_GRADE.fullmatch(value)
    if bare:
        return _ROMAN.get(bare[1].lower(), bare[1])
    found = next(iter(grades(value)), None)
    return found.value if found else value.lower()


def _stage(value: str) -> str:
    """Return a stage in AJCC's letters, without a suffix in brackets (sn, i-)."""
    found = next(iter((*stages(value), *stages(f"TNM {value}"), *stages(f"stage {value}"))), None)
    return re.sub(r"\(.*", "", found.value if found else value).lower()


def _bare_stage(value: str) -> str:
    return re.sub(r"^[a-z]*?(?=[tnm][\dxi])", "", _stage(value))


def _same_stage(gold: str, found: str) -> bool:
    """Whether two stages are equal; a missing prefix agrees with any."""
    prefixes = {_stage(v).removesuffix(_bare_stage(v)) for v in (gold, found)}
    return _bare_stage(gold) == _bare_stage(found) and (len(prefixes) == 1 or "" in prefixes)


def _stage_number(value: str) -> str:
    return re.sub(r"(?<=[\divx])[a-d]\d?(?:mi)?$|(?<=\d)mi$", "", _bare_stage(value))


def _words(value: str) -> list[str]:
    words = re.findall(r"\w+", value.lower())
    return sorted({word for word in words if word not in _FILLING})


def _histology(value: str) -> str:
    value = _NST.sub("ductal", value.lower())
    words = (_SAME_WORD.get(word, word) for word in re.findall(r"\w+", value))
    return " ".join(sorted({word for word in words if word and word not in _FILLING}))


def _same_code(gold: str, found: str) -> bool:
    """Whether both have one code, also if the label says only "invasive carcinoma no special type"."""
    first, second = (codings(Kind.HISTOLOGICAL_TYPE, None, v) for v in (gold, found))
    return bool({c.code for c in first} & {c.code for c in second})


def _shares_a_word(gold: str, found: str) -> bool:
    first, second = (set(_histology(v).split()) - _COMMON for v in (gold, found))
    return bool(first & second)


def _same_place(gold: str, found: str) -> bool:
    return bool(_places(gold) & _places(found))


def _places(value: str) -> set[str]:
    """Return the words, and those after the last comma if they name a site by themselves."""
    narrower = value.rpartition(",")[2]
    return {" ".join(_words(v)) for v in (value, narrower) if v == value or site_of(v)}


def _same_organ(gold: str, found: str) -> bool:
    first, second = ({site.key for site, _, _ in find_sites(v)} for v in (gold, found))
    return bool(first & second)


def _same_disorder(gold: str, found: str) -> bool:
    first, second = (diagnosis_codings(v) for v in (gold, found))
    return bool({c.code for c in first} & {c.code for c in second})


def _related_diagnosis(gold: str, found: str) -> bool:
    a, b = gold.lower(), found.lower()
    return _same_organ(gold, found) or a in b or b in a


def _near(distance: float) -> Callable[[str, str], bool]:
    def near(gold: str, found: str) -> bool:
        a, b = millimetres(gold), millimetres(found)
        return a is not None and b is not None and abs(a - b) <= distance + 1e-9

    return near


def _same_mcode_grade(gold: str, found: str) -> bool:
    a, b = _grade(gold), _grade(found)
    if "=" in a and "=" in b:
        return a.rpartition("=")[2] == b.rpartition("=")[2]
    first, second = (codings(Kind.CANCER_GRADE, None, v) for v in (a, b))
    return bool(first) and first == second


def _never(_gold: str, _found: str) -> bool:
    return False


_EXACT: dict[Phenotype, Callable[[str, str], bool]] = {
    Phenotype.SIZE: _near(_NEAR_MM),
    Phenotype.STAGE: _same_stage,
    Phenotype.HISTOLOGY: _same_code,
    Phenotype.SITE: _same_place,
    Phenotype.DIAGNOSIS: _same_disorder,
}
_LENIENT: dict[Phenotype, Callable[[str, str], bool]] = {
    Phenotype.SIZE: _near(_LENIENT_MM),
    Phenotype.GRADE: _same_mcode_grade,
    Phenotype.STAGE: lambda a, b: _stage_number(a) == _stage_number(b),
    Phenotype.HISTOLOGY: _shares_a_word,
    Phenotype.SITE: _same_organ,
    Phenotype.DIAGNOSIS: _related_diagnosis,
}
