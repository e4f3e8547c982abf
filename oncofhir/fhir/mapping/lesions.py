"""The lesion that each finding belongs to, and what a lesion's behaviour allows. Pure.

An attribute belongs to the lesion of which the report says it, and is never lent to another one. A Condition
has only codes that fit the lesion's behaviour: ICD-10-CM C00 to C76 and C80 to C96 (with C7A) for a primary
malignancy, C77 to C79 and C7B for a secondary one, D00 to D09 for a neoplasm in situ.
Source of the blocks: ICD-10-CM 2025, chapter 2 (Neoplasms).
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache

from oncofhir.fhir.codes import ICD_10_CM, SNOMED_CT
from oncofhir.schemas.context import Temporality
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.finding import Coding, Finding
from oncofhir.schemas.lesion import Behaviour, Lesion
from oncofhir.terminology.coding import names_malignancy, names_metastasis
from oncofhir.terminology.neoplasm_mentions import neoplasm_of
from oncofhir.terminology.sites import sites

MALIGNANT_PRIMARY = frozenset({Behaviour.IN_SITU, Behaviour.INVASIVE})
_SECONDARY = "128462008"  # mcode-secondary-cancer-disorder-vs
_BLOCKS = (
    (Behaviour.METASTATIC, re.compile(r"C7[789B]")),
    (Behaviour.INVASIVE, re.compile(r"C")),
    (Behaviour.IN_SITU, re.compile(r"D0")),
    (Behaviour.BENIGN, re.compile(r"D(?:[12]|3[0-6])")),
    (Behaviour.BORDERLINE, re.compile(r"D(?:3[789]|4)")),
)
# D45 to D47 are neoplasms of uncertain behaviour in ICD-10-CM and malignant (/3) in ICD-O-3: polycythaemia
# vera, myelodysplastic syndromes and others.
_EITHER = re.compile(r"D4[567]")


def current_findings(extraction: Extraction) -> tuple[Finding, ...]:
    """Return the findings without those of lesions of the past: a Condition written here is active."""
    earlier = {
        lesion.id for lesion in extraction.lesions if lesion.temporality is not Temporality.CURRENT
    }
    return tuple(finding for finding in extraction.findings if finding.lesion not in earlier)


def behaviour_of(diagnosis: Finding, lesion: Lesion | None) -> Behaviour | None:
    """Return the behaviour of a diagnosis: its lesion's, else that of its codes, else that of its words.

    None if it names no malignancy.
    """
    if lesion is not None:
        return lesion.behaviour
    by_code = next(filter(None, map(_behaviour_of_code, diagnosis.codings)), None)
    if by_code is not None:
        return by_code
    if diagnosis.codings:
        return Behaviour.INVASIVE
    if names_metastasis(diagnosis.value):
        return Behaviour.METASTATIC
    return Behaviour.INVASIVE if names_malignancy(diagnosis.value) else None


def fitting_codings(codings: Sequence[Coding], behaviour: Behaviour | None) -> tuple[Coding, ...]:
    """Return the codes of a diagnosis, or none of them if one contradicts the behaviour."""
    behaviours = {_behaviour_of_code(coding) for coding in codings if not _is_either(coding)} - {
        None
    }
    return tuple(codings) if behaviour is None or behaviours <= {behaviour} else ()


def histology_fits(histology: Finding, behaviour: Behaviour | None) -> bool:
    """Whether a histological type has the behaviour of the lesion.

    A metastasis has the histology of its primary.
    """
    mention = neoplasm_of(histology.value)
    if mention is None or behaviour is None:
        return True
    if behaviour is Behaviour.METASTATIC:
        return mention.behaviour in {Behaviour.INVASIVE, Behaviour.METASTATIC}
    return mention.behaviour is behaviour


def may_have_side(lesion: Lesion) -> bool:
    """Whether the organ of a lesion has sides, as `terminology/sites.toml` says; True for unknown organs."""
    return lesion.organ not in _without_sides()


@cache
def _without_sides() -> frozenset[str]:
    return frozenset(site.name for site in sites() if not site.lateral)


def lesion_keys(lesions: Iterable[Lesion]) -> dict[str, str]:
    """Return a key for each lesion id, stable over the versions of a report: behaviour, organ, side.

    Lesions that have these in common are numbered in the order of their mention.
    """
    keys: dict[str, str] = {}
    for lesion in lesions:
        named = (lesion.behaviour.value, lesion.organ or "unknown", lesion.laterality or "")
        base = "lesion/" + "/".join(part for part in named if part)
        key, ordinal = base, 1
        while key in keys.values():
            ordinal += 1
            key = f"{base}/{ordinal}"
        keys[lesion.id] = key
    return keys


def _is_either(coding: Coding) -> bool:
    return coding.system == ICD_10_CM and _EITHER.match(coding.code) is not None


def _behaviour_of_code(coding: Coding) -> Behaviour | None:
    if coding.system == SNOMED_CT:
        return Behaviour.METASTATIC if coding.code == _SECONDARY else None
    if coding.system != ICD_10_CM:
        return None
    return next((known for known, block in _BLOCKS if block.match(coding.code)), None)
