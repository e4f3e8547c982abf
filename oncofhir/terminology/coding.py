"""The codes of a value in normal form. No match: no code, never a guessed one.

Sources: the data files; which system goes where: mCODE STU4, group-disease.md and the profiles' bindings.
"""

import re
from typing import Any

from oncofhir.schemas.finding import Coding, Kind
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.diagnosis_codes import SECONDARY, disease_codings
from oncofhir.terminology.neoplasm_mentions import NeoplasmMention, find_neoplasms, neoplasm_of
from oncofhir.terminology.neoplasms import NOT_MALIGNANT, is_kind_of
from oncofhir.terminology.sites import find_sites, site_of
from oncofhir.terminology.tables import (
    LOINC,
    SNOMED_CT,
    by_code,
    by_label,
    by_words,
    coding,
    concepts,
)

_LATERALITY = {
    "left": "7771000",
    "right": "24028007",
    "bilateral": "51440002",
    "midline": "399488007",
}
# mCODE has three grades (mcode-histologic-grade-vs); a fourth stays text.
_GRADE = {
    "1": "1155708003",
    "2": "1286893008",
    "3": "1155707008",
    "low": "1155708003",
    "intermediate": "1286893008",
    "high": "1155707008",
}
_STAGE_SLOTS = frozenset({"t", "n", "m", "group"})
_RECEPTOR_STATUS = {
    "positive": ((SNOMED_CT, "10828004"), (LOINC, "LA6576-8")),
    "negative": ((SNOMED_CT, "260385009"), (LOINC, "LA6577-6")),
}
_BESIDE_IN_SITU = re.compile(
    r"invasive|infiltrating|\bno\b|without|\bwith\b|\band\b|metasta|secondary|benign|adenoma\b",
    re.IGNORECASE,
)
# A cancer that is not clearly secondary is primary (mCODE): "metastatic breast cancer", "cancer with liver
# metastases" and "no metastasis" are not; "metastasis to the liver" is.
_METASTASIS = re.compile(
    r"\bmetasta(?:sis|ses)\b|\bmetastatic\b.*\b(?:to|in|into)\b|\bsecondary\s+malignan",
    re.IGNORECASE,
)
_PRIMARY_BESIDE = re.compile(r"\b(?:with|without|no|primary)\b", re.IGNORECASE)
_OF_METASTASIS = re.compile(r"metasta|secondary|benign|adenoma\b", re.IGNORECASE)
_TARGET = re.compile(r"\b(?:to|in|into|involving)\s+(?P<where>.+)", re.IGNORECASE | re.DOTALL)
_SIDES = re.compile(r"\b(left|right)\b", re.IGNORECASE)
_GRADED = re.compile(r"\bgrade\s+([1-3][ab]?|i{1,3}[ab]?)\b", re.IGNORECASE)
_ARABIC = {"i": "1", "ii": "2", "iii": "3", "iiia": "3a", "iiib": "3b"}
_BEFORE = re.compile(r"(?P<where>.+?)\s+metasta(?:sis|ses)\b", re.IGNORECASE | re.DOTALL)


def codings(kind: Kind, slot: str | None, value: str) -> tuple[Coding, ...]:
    """The codes of a finding's value; diagnoses need more and have `diagnosis_codings`."""
    found: tuple[Coding, ...] | Coding | None = None
    if kind is Kind.TUMOR_LATERALITY:
        found = _of("laterality", _LATERALITY.get(value))
    elif kind is Kind.CANCER_GRADE:
        found = _of("grade", _GRADE.get(value))
    elif kind is Kind.HORMONE_RECEPTOR:
        known = by_code("receptor_status")
        found = tuple(known[code] for _, code in _RECEPTOR_STATUS.get(value, ()) if code in known)
    elif kind is Kind.CANCER_STAGE and slot in _STAGE_SLOTS:
        found = by_label(f"stage_{slot}").get(value.lower())
    elif kind is Kind.HISTOLOGICAL_TYPE:
        found = by_words("histology").get(_plain(value))
    elif kind is Kind.TUMOR_SITE:
        found = _site_codings(value)
    return (found,) if isinstance(found, Coding) else found or ()


def figo_codings(group: str) -> tuple[Coding, ...]:
    """The code of a stage group by FIGO, such as "IIIC" (mCODE 4.0.0, mcode-figo-stage-value-vs)."""
    found = by_label("stage_figo").get(group.lower())
    return () if found is None else (found,)


def _of(table: str, code: str | None) -> tuple[Coding, ...]:
    return () if code is None else (by_code(table)[code],)


def _plain(value: str) -> str:
    return " ".join(re.sub(r"[^\w ]", " ", value.lower()).split())


def _site_codings(value: str) -> tuple[Coding, ...]:
    exact = by_words("body_sites").get(_plain(value))
    if exact:
        return (exact,)
    site = site_of(value)
    concept = _cancer(site.key) if site else None
    return (coding(concept["site"]),) if concept and concept["site"] else ()


def narrowest_site_words(text: str) -> str | None:
    """The longest words in a lower-case text that are a body structure's name in mCODE; at most four."""
    words = _plain(text).split()
    for length in range(min(4, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            own = " ".join(words[start : start + length])
            if own in by_words("body_sites"):
                return own
    return None


def _cancer(key: str) -> dict[str, Any] | None:
    return next((concept for concept in concepts("cancers") if concept["key"] == key), None)


def diagnosis_codings(
    value: str,
    *,
    site: str | None = None,
    laterality: str | None = None,
    gender: str | None = None,
    behaviour: Behaviour | None = None,
    organ: str | None = None,
    histology: str | None = None,
) -> tuple[Coding, ...]:
    """The codes of a diagnosis in words: SNOMED CT disorder and ICD-10-CM, as `disease_codings` has them.

    `site` is the tumour's site in the report's words: it may name the quadrant or the lobe, or the organ if
    the diagnosis names none.

    `laterality` and `gender` (FHIR administrative gender) narrow the ICD-10-CM code; where the code
    depends on a gender that is not known, there is no ICD-10-CM code. Benign disease has none here, nor has
    a diagnosis of several sites.

    `behaviour` and `organ` (a site's name) are those of the lesion, where the reader knows them: they go
    before what the words alone say. Of a metastasis the organ is where it is. `histology` is the lesion's:
    "liver cancer" of a hepatocellular carcinoma has the code of the latter.
    """
    if behaviour is not None:
        name = _narrower(value, histology)
        return _of_lesion(value, name, behaviour, organ, site, laterality, gender)
    if names_metastasis(value):
        return _of_metastasis(value)
    mention = neoplasm_of(value)
    if mention is None or _OF_METASTASIS.search(value):
        return ()
    in_situ = mention.behaviour is Behaviour.IN_SITU
    if _names_in_situ(value) and (not in_situ or _BESIDE_IN_SITU.search(value)):
        return ()
    named = {found.name for found, _, _ in find_sites(value)}
    if not named and site is not None:
        named = {found.name for found, _, _ in find_sites(site)}
    if len(named) > 1:
        return ()
    return disease_codings(
        name=mention.neoplasm.name,
        behaviour=mention.behaviour,
        site=next(iter(named), None),
        place=" ".join([value, *([site] if site else [])]),
        laterality=laterality,
        gender=gender,
        grade=_grade_of(value),
    )


def _narrower(value: str, histology: str | None) -> str | None:
    """The name that a diagnosis gives, or that of the histology where it is a kind of the former."""
    own, other = neoplasm_of(value), neoplasm_of(histology or "")
    if own is None or other is None:
        found = own or other
        return found.neoplasm.name if found else None
    narrows = is_kind_of(other.neoplasm.name, own.neoplasm.name)
    return other.neoplasm.name if narrows else own.neoplasm.name


def _of_lesion(
    value: str,
    name: str | None,
    behaviour: Behaviour,
    organ: str | None,
    site: str | None,
    laterality: str | None,
    gender: str | None,
) -> tuple[Coding, ...]:
    if organ is None and behaviour is not Behaviour.METASTATIC:
        named = {found.name for found, _, _ in find_sites(value)}
        organ = named.pop() if len(named) == 1 else None
    return disease_codings(
        name=name,
        behaviour=behaviour,
        site=organ,
        place=" ".join([*([] if behaviour is Behaviour.METASTATIC else [value]), site or ""]),
        laterality=laterality,
        gender=gender,
        grade=_grade_of(value),
    )


def names_metastasis(value: str) -> bool:
    """Whether a diagnosis is the metastasis itself and not a primary cancer that has some."""
    return _METASTASIS.search(value) is not None and _PRIMARY_BESIDE.search(value) is None


def names_malignancy(value: str) -> bool:
    """Whether a diagnosis names a malignancy, invasive or in situ."""
    return find_malignancy(value) is not None or "metasta" in value.lower()


def find_malignancy(text: str) -> NeoplasmMention | None:
    """The first words for a malignancy, invasive or in situ, affirmed or not."""
    return next((m for m in find_neoplasms(text) if m.behaviour not in NOT_MALIGNANT), None)


def _names_in_situ(value: str) -> bool:
    return any(m.behaviour is Behaviour.IN_SITU for m in find_neoplasms(value))


def _grade_of(value: str) -> str | None:
    match = _GRADED.search(value)
    return _ARABIC.get(match[1].lower(), match[1].lower()) if match else None


def _of_metastasis(value: str) -> tuple[Coding, ...]:
    """The codes of a metastasis by the one organ that it is in; the side is that organ's."""
    match = _TARGET.search(value) or _BEFORE.search(value)
    where = match["where"] if match else ""
    named = {found.name for found, _, _ in find_sites(where, every=True)}
    sides = {side.lower() for side in _SIDES.findall(where)}
    if "lymph node" in named:  # "axillary lymph nodes and pelvic nodes" are several regions
        several = re.search(r"\band\b", where, re.IGNORECASE) is not None
        named = named if several else {"lymph node"}
        if several:
            return (SECONDARY,)
    if len(named) != 1 or len(sides) > 1:
        return (SECONDARY,)
    mention = neoplasm_of(value)
    return disease_codings(
        name=mention.neoplasm.name if mention else None,
        behaviour=Behaviour.METASTATIC,
        site=named.pop(),
        place=where,
        laterality=next(iter(sides), None),
    )
