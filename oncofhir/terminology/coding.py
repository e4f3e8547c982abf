"""The codes of a value in normal form. No match: no code, never a guessed one.

Sources: the data files; which system goes where: mCODE STU4, group-disease.md and the profiles' bindings.
"""

import re
from collections.abc import Sequence
from typing import Any

from oncofhir.schemas.finding import Coding, Kind
from oncofhir.terminology.sites import Site, site_of
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
_RECEPTOR_STATUS = {
    "positive": ((SNOMED_CT, "10828004"), (LOINC, "LA6576-8")),
    "negative": ((SNOMED_CT, "260385009"), (LOINC, "LA6577-6")),
}
_NOT_A_CANCER_BY_ITSELF = re.compile(r"\bin[- ]situ\b|\bdcis\b|\blcis\b|adenoma\b", re.IGNORECASE)
_MELANOMA = re.compile("melanoma", re.IGNORECASE)


def codings(kind: Kind, slot: str | None, value: str) -> tuple[Coding, ...]:
    """The codes of a finding's value; diagnoses need more and have `diagnosis_codings`."""
    if kind is Kind.TUMOR_LATERALITY:
        return _of("laterality", _LATERALITY.get(value))
    if kind is Kind.CANCER_GRADE:
        return _of("grade", _GRADE.get(value))
    if kind is Kind.HORMONE_RECEPTOR:
        known = by_code("receptor_status")
        return tuple(known[code] for _, code in _RECEPTOR_STATUS.get(value, ()) if code in known)
    if kind is Kind.CANCER_STAGE and slot is not None:
        found = by_label(f"stage_{slot}").get(value.lower())
        return (found,) if found else ()
    if kind is Kind.HISTOLOGICAL_TYPE:
        found = by_words("histology").get(_plain(value))
        return (found,) if found else ()
    if kind is Kind.TUMOR_SITE:
        return _site_codings(value)
    return ()


def _of(table: str, code: str | None) -> tuple[Coding, ...]:
    return () if code is None else (by_code(table)[code],)


def _plain(value: str) -> str:
    return " ".join(re.sub(r"[^\w ]", " ", value.lower()).split())


def _site_codings(value: str) -> tuple[Coding, ...]:
    exact = by_words("body_sites").get(_plain(value))
    if exact:
        return (exact,)
    site = site_of(value)
    concept = _cancer(site) if site else None
    return (coding(concept["site"]),) if concept and concept["site"] else ()


def _cancer(site: Site) -> dict[str, Any] | None:
    return next((concept for concept in concepts("cancers") if concept["key"] == site.key), None)


def diagnosis_codings(
    value: str, *, laterality: str | None = None, gender: str | None = None
) -> tuple[Coding, ...]:
    """SNOMED CT disorder, and ICD-10-CM with laterality and, for the breast, the patient's gender.

    `laterality` and `gender` (FHIR administrative gender) narrow the ICD-10-CM code; where the code
    depends on a gender that is not known, there is no ICD-10-CM code. In-situ disease has none here.
    """
    if _NOT_A_CANCER_BY_ITSELF.search(value):
        return ()
    site = site_of(value)
    if site is None and _MELANOMA.search(value):
        site = site_of("skin")
    concept = _cancer(site) if site else None
    if site is None or concept is None or (site.only and site.only not in value.lower()):
        return ()
    icd = _icd_10_cm(concept["icd10cm"], laterality, gender)
    return (coding(concept["disorder"]), *([coding(icd)] if icd else []))


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
