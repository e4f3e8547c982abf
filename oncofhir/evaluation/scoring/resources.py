"""Precision and recall of the resources that would be written: Conditions and Observations, by code.

The expected codes are derived from the label and the terminology alone: the profile's `code`, and the
value's code (for a size the longest dimension in mm). An emitted resource is right if it has both. Every
emitted resource of a labelled item counts, also those of further specimen parts, where they say something
else. A label whose value has no code is left out and counted as `uncoded`.
"""

from collections.abc import Iterator
from typing import Any

from oncofhir.evaluation.calibration.observed import kind_of
from oncofhir.evaluation.dataset import Gold, Item, Phenotype
from oncofhir.evaluation.scoring.matching import millimetres, normal
from oncofhir.evaluation.scoring.tally import Tally
from oncofhir.fhir import codes
from oncofhir.schemas.base import Value
from oncofhir.terminology.coding import codings, diagnosis_codings

_NEAR_MM = 0.05
CONDITION, OBSERVATION = "Condition", "Observation"


class Emitted(Value):
    """The content of a resource: the codes of its question and of its value, and a size in mm."""

    question: frozenset[str]
    values: frozenset[str]
    number: float | None = None


def resource_type(item: Item) -> str | None:
    """Return the type of the item's resource; None for site and laterality, which are elements."""
    if item.phenotype in {Phenotype.SITE, Phenotype.LATERALITY}:
        return None
    return CONDITION if item.phenotype is Phenotype.DIAGNOSIS else OBSERVATION


def emitted(bundle: dict[str, Any]) -> dict[str, list[Emitted]]:
    """Return the Conditions and Observations of a transaction, by item; equal ones count once."""
    found: dict[str, list[Emitted]] = {}
    for entry in bundle.get("entry", ()):
        resource = entry.get("resource") or {}
        said = _said(resource)
        item = _item_of(resource.get("resourceType"), said)
        if item is not None and said not in found.setdefault(item.name, []):
            found[item.name].append(said)
    return found


def tally_resources(gold: Gold, found: dict[str, list[Emitted]]) -> dict[str, Tally]:
    """Return the counts of one report, by item; items without a code are left out."""
    counted = {}
    for item, value in gold.items():
        if resource_type(item) is None or is_uncoded(item, value):
            continue
        resources = found.get(item.name, [])
        right = value is not None and any(_is_right(item, value, r) for r in resources)
        counted[item.name] = Tally(
            right=right, related=right, claimed=len(resources), wanted=value is not None
        )
    return counted


def is_uncoded(item: Item, value: str | None) -> bool:
    """Whether a label has a value for which the service has no code."""
    if value is None or item.phenotype is Phenotype.SIZE:
        return False
    return not _expected(item, value)


def _is_right(item: Item, value: str, resource: Emitted) -> bool:
    if item.phenotype is Phenotype.SIZE:
        wanted = millimetres(value)
        return (
            wanted is not None
            and resource.number is not None
            and abs(wanted - resource.number) <= _NEAR_MM
        )
    if item.phenotype is Phenotype.STAGE and codes.stage_prefix(item.slot or "", value):
        asked = {c["code"] for c in codes.stage_code(item.slot or "", value)["coding"]}
        if not asked & resource.question:
            return False
    return bool(_expected(item, value) & resource.values)


def _expected(item: Item, value: str) -> frozenset[str]:
    """Return the accepted codes; for a diagnosis the SNOMED CT disorder, which does not depend on gender."""
    if item.phenotype is Phenotype.DIAGNOSIS:
        return frozenset(c.code for c in diagnosis_codings(value)[:1])
    if item.phenotype is Phenotype.GRADE:
        value = normal(item, value)
    return frozenset(c.code for c in codings(kind_of(item), item.slot, value))


def _said(resource: dict[str, Any]) -> Emitted:
    if resource.get("resourceType") == CONDITION:
        return Emitted(question=frozenset(), values=_codes(resource.get("code")))
    return Emitted(
        question=_codes(resource.get("code")),
        values=_codes(resource.get("valueCodeableConcept")),
        number=_longest(resource),
    )


def _longest(resource: dict[str, Any]) -> float | None:
    longest = _codes(codes.LONGEST_DIMENSION)
    return next(
        (
            float(component["valueQuantity"]["value"])
            for component in resource.get("component", ())
            if _codes(component.get("code")) & longest
        ),
        None,
    )


def _codes(concept: dict[str, Any] | None) -> frozenset[str]:
    return frozenset(coding["code"] for coding in (concept or {}).get("coding", ()))


def _item_of(type_: str | None, said: Emitted) -> Item | None:
    if type_ == CONDITION:
        return Item(phenotype=Phenotype.DIAGNOSIS)
    if type_ != OBSERVATION:
        return None
    return next((item for item, question in _questions() if question & said.question), None)


def _questions() -> Iterator[tuple[Item, frozenset[str]]]:
    """Return the codes that an Observation about an item may have."""
    yield Item(phenotype=Phenotype.SIZE), _codes(codes.SIZE)
    yield Item(phenotype=Phenotype.GRADE), _codes(codes.GRADE) | _codes(codes.GLEASON)
    yield Item(phenotype=Phenotype.HISTOLOGY), _codes(codes.HISTOLOGY)
    for receptor, code in codes.RECEPTORS.items():
        yield Item(phenotype=Phenotype.RECEPTORS, slot=receptor), _codes(code)
    for slot, (plain, _, clinical, _, pathologic, _) in codes.STAGES.items():
        yield Item(phenotype=Phenotype.STAGE, slot=slot), frozenset({plain, clinical, pathologic})
