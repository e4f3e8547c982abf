"""The codes of a value in normal form. No match: no code, never a guessed one.

Sources: the data files; which system goes where: mCODE STU4, group-disease.md and the profiles' bindings.
"""

import re
from collections.abc import Sequence
from typing import Any

from oncofhir.schemas.finding import Coding, Kind
from oncofhir.terminology import icd10cm
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
# What is no invasive primary cancer of the site it names has no code here.
_NO_PRIMARY = re.compile(
    r"\bin[- ]situ\b|\bdcis\b|\blcis\b|adenoma\b|metasta|secondary|benign", re.IGNORECASE
)
_IN_SITU = re.compile(r"\bin[- ]situ\b|\bdcis\b|\blcis\b", re.IGNORECASE)
_BESIDE_IN_SITU = re.compile(
    r"invasive|infiltrating|\bno\b|without|\bwith\b|\band\b|metasta|secondary|benign|adenoma\b",
    re.IGNORECASE,
)
_MALIGNANT = re.compile(
    r"carcinoma|cancer|malignan|melanoma|blastoma|glioma|astrocytoma|seminoma|germ cell",
    re.IGNORECASE,
)
_MELANOMA = re.compile("melanoma", re.IGNORECASE)
# A cancer that is not clearly secondary is primary (mCODE): "metastatic breast cancer", "cancer with liver
# metastases" and "no metastasis" are not; "metastasis to the liver" is.
_METASTASIS = re.compile(
    r"\bmetasta(?:sis|ses)\b|\bmetastatic\b.*\b(?:to|in|into)\b|\bsecondary\s+malignan",
    re.IGNORECASE,
)
_PRIMARY_BESIDE = re.compile(r"\b(?:with|without|no|primary)\b", re.IGNORECASE)
# In situ and what has no carcinoma in its name but is malignant (ICD-10-CM C00 to D09, C7A).
_MALIGNANT_NAME = re.compile(
    rf"{_MALIGNANT.pattern}|sarcoma|lymphoma|leuka?emia|myeloma|mesothelioma|thymoma|in[- ]situ|\bdcis\b"
    r"|\blcis\b|carcinoid|neuroendocrine tumou?r|stromal tumou?r|karzinom|krebs|metasta",
    re.IGNORECASE,
)
_SECONDARY = Coding(
    system=SNOMED_CT,
    code="128462008",
    display="Secondary malignant neoplastic disease (disorder)",
)  # mcode-secondary-cancer-disorder-vs names it; the organ is in the ICD-10-CM code
# Diseases that are coded by what they are, wherever they sit; without a key they are not coded.
_BY_KIND: tuple[tuple[re.Pattern[str], str | None], ...] = (
    (
        re.compile(r"non-?hodgkin|b-cell lymphoma|t-cell lymphoma", re.IGNORECASE),
        "non-Hodgkin lymphoma",
    ),
    (re.compile(r"hodgkin", re.IGNORECASE), "Hodgkin lymphoma"),
    (re.compile(r"multiple myeloma|plasma cell myeloma", re.IGNORECASE), "multiple myeloma"),
    (re.compile(r"leuka?emia", re.IGNORECASE), "leukemia"),
    (re.compile(r"soft tissue sarcoma", re.IGNORECASE), "soft tissue sarcoma"),
    (re.compile(r"lymphoma|myeloma|sarcoma|mesothelioma|thymoma", re.IGNORECASE), None),
)


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


def _cancer(key: str) -> dict[str, Any] | None:
    return next((concept for concept in concepts("cancers") if concept["key"] == key), None)


def diagnosis_codings(
    value: str,
    *,
    site: str | None = None,
    laterality: str | None = None,
    gender: str | None = None,
) -> tuple[Coding, ...]:
    """SNOMED CT disorder, and ICD-10-CM with subsite, laterality and, for the breast, the patient's gender.

    `site` is the tumour's site in the report's words: it may name the quadrant or the lobe.

    `laterality` and `gender` (FHIR administrative gender) narrow the ICD-10-CM code; where the code
    depends on a gender that is not known, there is no ICD-10-CM code. A carcinoma in situ and a metastasis
    have ICD-10-CM codes by their organ, where the data has them; benign disease has none here, nor has
    a diagnosis of several sites.
    """
    if names_metastasis(value):
        target = icd10cm.secondary(value)
        return (_SECONDARY, target) if target else (_SECONDARY,)
    if _IN_SITU.search(value) and not _BESIDE_IN_SITU.search(value):
        found = icd10cm.in_situ(value, laterality)
        return (found,) if found else ()
    if _NO_PRIMARY.search(value):
        return ()
    key = _key(value)
    concept = _cancer(key) if key else None
    if concept is None:
        return ()
    said = [value, *([site] if site else [])]
    named = next((found.name for found, _, _ in find_sites(value)), "")
    icd = icd10cm.subsite(named, said, laterality, gender)
    if icd is None:
        row = _icd_10_cm(concept["icd10cm"], laterality, gender)
        icd = coding(row) if row else None
    return (coding(concept["disorder"]), *([icd] if icd else []))


def names_metastasis(value: str) -> bool:
    """Whether a diagnosis is the metastasis itself and not a primary cancer that has some."""
    return _METASTASIS.search(value) is not None and _PRIMARY_BESIDE.search(value) is None


def names_malignancy(value: str) -> bool:
    """Whether a diagnosis names a malignancy, invasive or in situ."""
    return find_malignancy(value) is not None


def find_malignancy(text: str) -> re.Match[str] | None:
    """The first words for a malignancy, invasive or in situ, affirmed or not."""
    return _MALIGNANT_NAME.search(text)


def _key(value: str) -> str | None:
    """The cancer that a diagnosis names, as the key of its concept."""
    for pattern, key in _BY_KIND:
        if pattern.search(value):
            return key
    named = {site.key: site for site, _, _ in find_sites(value)}
    if _MELANOMA.search(value):
        skin = "melanoma of skin"
        return skin if not named or set(named) == {skin} else None
    if len(named) != 1 or not _MALIGNANT.search(value):
        return None
    (site,) = named.values()
    return None if site.only else site.key


def _icd_10_cm(
    rows: Sequence[dict[str, Any]], laterality: str | None, gender: str | None
) -> dict[str, Any] | None:
    fitting = [row for row in rows if row.get("gender") in {None, gender}]
    if not fitting:
        return None
    for row in fitting:
        if row.get("laterality") == laterality:
            return row
    return next((row for row in fitting if "laterality" not in row), None)
