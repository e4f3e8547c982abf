"""Determines the staging system of a stage: as the report says, else as the site's setting says.

A value has AJCC's codes only if AJCC is named: SNOMED CT's values of T, N, M and stage groups are those of
the American Joint Committee on Cancer. UICC's values have no codes here and are text. FIGO's values have
codes of the NCI Thesaurus.

Source: mCODE 4.0.0, mcode-tnm-staging-method-vs (extensible; text where no code of it fits),
mcode-cancer-staging-method-vs, mcode-cancer-stage-type-vs, mcode-figo-stage-value-vs.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from oncofhir.fhir import codes
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Coding, Finding
from oncofhir.settings import StagingSystem

_AJCC_NAME = r"(?:\bAJCC|\bAmerican\s+Joint\s+(?:Committee|Commission)\s+on\s+Cancer)"
_AJCC = re.compile(_AJCC_NAME, re.IGNORECASE)
_UICC = re.compile(
    r"\bUICC|\bUnion\s+for\s+International\s+Cancer\s+Control"
    r"|\bInternational\s+Union\s+Against\s+Cancer",
    re.IGNORECASE,
)
_EDITION = re.compile(
    rf"{_AJCC_NAME}\b[^.\n]{{0,40}}?\b(?:([6789])\s?(?:th|\(|ed\b|edition|version)"
    r"|(sixth|seventh|eighth|ninth)\s+(?:ed\b|edition|version))"
    rf"|{_AJCC_NAME}\s?(?:version\s|v\.?\s?)?([6789])\b"
    rf"|\b([6789])th\s(?:edition\s)?(?:of\s(?:the\s)?)?{_AJCC_NAME}\b",
    re.IGNORECASE,
)
_NUMBERS = {"sixth": "6", "seventh": "7", "eighth": "8", "ninth": "9"}
# "FIGO stage IIIC", "FIGO (2018) IIIC", "stage IIIC (FIGO)"; "FIGO grade 1" is none.
_FIGO = re.compile(
    r"\bFIGO\W{0,3}(?:\d{4}\W{0,3})?(?:stag(?:e|ing)\b|(?:IV|I{1,3})[ABC]?[1-3]?\b)"
    r"|\bstage\W{1,3}(?:(?:IV|I{1,3})[ABC]?[1-3]?\W{1,3})?FIGO\b(?!\W+grade)",
    re.IGNORECASE,
)


class StagingAuthority(StrEnum):
    """The body whose staging system is used."""

    AJCC = "ajcc"
    UICC = "uicc"
    FIGO = "figo"
    LYMPHOMA = "lymphoma"
    NOT_NAMED = "not-named"


class Staging(Value):
    """The staging system of a stage, and the value of Observation.method."""

    system: StagingAuthority
    method: dict[str, Any]

    @property
    def type(self) -> dict[str, Any] | None:
        """The value of Condition.stage.type: None if no system is named."""
        return None if self.method == codes.STAGING_NOT_STATED else self.method


def staging_for(text: str, site: StagingSystem | None) -> Staging:
    """Return the system that a report's text names, else the site's.

    If the report names AJCC without an edition, the site's edition is used. A report that names both AJCC and
    UICC, whose categories are published together, uses AJCC.
    """
    if _AJCC.search(text):
        return Staging(system=StagingAuthority.AJCC, method=_edition(text, site))
    if _UICC.search(text) or site is StagingSystem.UICC:
        return Staging(system=StagingAuthority.UICC, method=codes.STAGING_UICC)
    if site is None:
        return Staging(system=StagingAuthority.NOT_NAMED, method=codes.STAGING_NOT_STATED)
    return Staging(
        system=StagingAuthority.AJCC, method=codes.STAGING_EDITIONS[_edition_number(site)]
    )


def is_site_setting(text: str, codings: Sequence[Coding]) -> bool:
    """Whether the site's setting chose a stage's codes: they are AJCC's, and the report does not name it."""
    is_ajcc = any(_AJCC.match(coding.display or "") for coding in codings)
    return is_ajcc and not _AJCC.search(text)


def lymphoma_staging(text: str) -> Staging:
    """Return Ann Arbor or Lugano staging. The method is what the report names, never the site's setting."""
    return Staging(system=StagingAuthority.LYMPHOMA, method=staging_for(text, None).method)


def is_figo(group: Finding) -> bool:
    """Whether the quoted words of a stage group name FIGO, and not AJCC too."""
    quotes = [evidence.text for evidence in group.evidence]
    return any(map(_FIGO.search, quotes)) and not any(map(_AJCC.search, quotes))


def figo_staging() -> Staging:
    """Return FIGO staging: the Observation's code and method name it."""
    return Staging(system=StagingAuthority.FIGO, method=codes.STAGING_FIGO)


def _edition(text: str, site: StagingSystem | None) -> dict[str, Any]:
    words = {word.lower() for match in _EDITION.findall(text) for word in match if word}
    named = {_NUMBERS.get(word, word) for word in words}
    if not named and site is not None and site is not StagingSystem.UICC:
        named = {_edition_number(site)}
    return codes.STAGING_EDITIONS[named.pop()] if len(named) == 1 else codes.STAGING_AJCC


def _edition_number(site: StagingSystem) -> str:
    return site.value.removeprefix("ajcc-")
