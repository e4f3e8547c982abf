"""By whose system a stage is: as the report says, else as the site's setting says, else nobody's.

AJCC's codes stand for a value only where AJCC is named (issue "FHIR output", 1): SNOMED CT's values of T, N,
M and stage groups are the American Joint Committee's and no one else's. UICC's have none here and are text,
FIGO's have codes of NCI Thesaurus.
Source: mCODE 4.0.0, mcode-tnm-staging-method-vs (extensible; text where no code of it fits),
mcode-cancer-staging-method-vs, mcode-cancer-stage-type-vs, mcode-figo-stage-value-vs.
"""

import re
from enum import StrEnum
from typing import Any

from oncofhir.fhir import codes
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Finding
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


class System(StrEnum):
    """Whose a stage is."""

    AJCC = "ajcc"
    UICC = "uicc"
    FIGO = "figo"
    LYMPHOMA = "lymphoma"
    NOT_NAMED = "not-named"


class Staging(Value):
    """Whose a stage is, and what Observation.method says of it."""

    system: System
    method: dict[str, Any]

    @property
    def type(self) -> dict[str, Any] | None:
        """What Condition.stage.type says: nothing where nobody names a system."""
        return None if self.method == codes.STAGING_NOT_STATED else self.method


def staging_of(text: str, site: StagingSystem | None) -> Staging:
    """The system that a report's text names, else the site's.

    Where the report names AJCC without its edition, the site's edition is it. A report that names AJCC and
    UICC, whose categories are published together, names AJCC.
    """
    if _AJCC.search(text):
        return Staging(system=System.AJCC, method=_edition(text, site))
    if _UICC.search(text) or site is StagingSystem.UICC:
        return Staging(system=System.UICC, method=codes.STAGING_UICC)
    if site is None:
        return Staging(system=System.NOT_NAMED, method=codes.STAGING_NOT_STATED)
    return Staging(system=System.AJCC, method=codes.STAGING_EDITIONS[_number(site)])


def of_lymphoma(text: str) -> Staging:
    """Ann Arbor's or Lugano's; the method is what the report names, and never the site's."""
    return Staging(system=System.LYMPHOMA, method=staging_of(text, None).method)


def is_figo(group: Finding) -> bool:
    """Whether the report's own words for a stage group say that it is FIGO's, and not AJCC's too."""
    said = [evidence.text for evidence in group.evidence]
    return any(map(_FIGO.search, said)) and not any(map(_AJCC.search, said))


def of_figo() -> Staging:
    """FIGO's: the code of the Observation says so, and the method."""
    return Staging(system=System.FIGO, method=codes.STAGING_FIGO)


def _edition(text: str, site: StagingSystem | None) -> dict[str, Any]:
    said = {word.lower() for match in _EDITION.findall(text) for word in match if word}
    named = {_NUMBERS.get(word, word) for word in said}
    if not named and site is not None and site is not StagingSystem.UICC:
        named = {_number(site)}
    return codes.STAGING_EDITIONS[named.pop()] if len(named) == 1 else codes.STAGING_AJCC


def _number(site: StagingSystem) -> str:
    return site.value.removeprefix("ajcc-")
