"""Observations of mCODE STU4, one function a profile."""

from typing import Any

from oncofhir.fhir import codes
from oncofhir.fhir.context import Context
from oncofhir.schemas.finding import Finding, Kind


def observation(
    context: Context, finding: Finding, slot: str, refs: "References"
) -> dict[str, Any]:
    """The Observation for a finding.

    `refs` are the resources of the same report that it points to.
    """
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "id": context.identifier(slot)["value"],
        "extension": context.derivations(finding),
        "identifier": [context.identifier(slot)],
        "status": "preliminary",
        "category": [codes.LABORATORY],
        "subject": {"reference": context.report.subject},
        "note": context.notes(finding),
    }
    if context.effective:
        resource["effectiveDateTime"] = context.effective
    resource |= _BUILDERS[finding.kind](context, finding, refs)
    if finding.kind is not Kind.CANCER_STAGE:
        resource["device"] = {"reference": context.model_device}
        if refs.condition:
            related = {"url": codes.RELATED_CONDITION, "valueReference": refs.condition}
            resource["extension"] = [*resource["extension"], related]
    return resource


class References:
    """What an Observation may point to: the Condition, the Specimen, the stage's members."""

    def __init__(
        self,
        condition: dict[str, str] | None,
        specimen: dict[str, str] | None,
        members: list[dict[str, str]],
    ) -> None:
        self.condition = condition
        self.specimen = specimen
        self.members = members


def _value(finding: Finding, text: str) -> dict[str, Any]:
    coding = [c.model_dump(exclude_none=True) for c in finding.codings]
    return {**({"coding": coding} if coding else {}), "text": text}


def _on_specimen(refs: References) -> dict[str, Any]:
    return {"specimen": refs.specimen} if refs.specimen else {}


def _size(context: Context, finding: Finding, refs: References) -> dict[str, Any]:
    """mcode-tumor-size: longest dimension and up to two others, in mm, on exactly one specimen."""
    components = []
    for index, millimetres in enumerate((finding.dimensions or (finding.number or 0.0,))[:3]):
        code = codes.OTHER_DIMENSION if index else codes.LONGEST_DIMENSION
        number = int(millimetres) if millimetres == int(millimetres) else millimetres
        quantity = {
            "value": number,
            "unit": "mm",
            "system": "http://unitsofmeasure.org",
            "code": "mm",
        }
        components.append({"code": code, "valueQuantity": quantity})
    return {
        "meta": context.meta(codes.MCODE + "mcode-tumor-size"),
        "code": codes.SIZE,
        "component": components,
        **_on_specimen(refs),
    }


def _grade(context: Context, finding: Finding, refs: References) -> dict[str, Any]:
    if "+" in finding.value:  # Gleason: StructureDefinition-mcode-cancer-stage-intro.md
        return {
            "meta": context.meta(codes.MCODE + "mcode-cancer-stage"),
            "code": codes.GLEASON,
            "valueCodeableConcept": _value(finding, f"Gleason {finding.value}"),
            **({"focus": [refs.condition]} if refs.condition else {}),
        }
    return {
        "meta": context.meta(codes.MCODE + "mcode-histologic-grade"),
        "code": codes.GRADE,
        "valueCodeableConcept": _value(finding, f"grade {finding.value}"),
        **_on_specimen(refs),
    }


def _histology(context: Context, finding: Finding, refs: References) -> dict[str, Any]:
    return {
        "meta": context.meta(codes.MCODE + "mcode-histologic-behavior-and-type"),
        "code": codes.HISTOLOGY,
        "valueCodeableConcept": _value(finding, finding.value),
        **_on_specimen(refs),
    }


def _receptor(context: Context, finding: Finding, refs: References) -> dict[str, Any]:
    return {
        "meta": context.meta(codes.MCODE + "mcode-tumor-marker-test"),
        "code": codes.RECEPTORS[finding.slot or ""],
        "valueCodeableConcept": _value(finding, f"{finding.slot} {finding.value}"),
        **_on_specimen(refs),
    }


def _stage(context: Context, finding: Finding, refs: References) -> dict[str, Any]:
    """TNM categories and the stage group; the group's profile needs the condition it is about."""
    slot = finding.slot or ""
    is_group = slot == "group"
    profile = None if is_group and refs.condition is None else codes.STAGE_PROFILES[slot]
    pathologic = is_group or "p" in finding.value.split(slot.upper())[0]
    value = f"stage {finding.value}" if is_group else finding.value
    return {
        "meta": context.meta(profile),
        "category": [codes.LABORATORY if pathologic else codes.EXAM],
        "code": codes.stage_code(slot, finding.value),
        "valueCodeableConcept": _value(finding, value),
        "method": codes.STAGING_NOT_STATED,
        **({"focus": [refs.condition]} if refs.condition else {}),
        **({"hasMember": refs.members} if is_group and refs.members else {}),
    }


_BUILDERS = {
    Kind.TUMOR_SIZE: _size,
    Kind.CANCER_GRADE: _grade,
    Kind.HISTOLOGICAL_TYPE: _histology,
    Kind.HORMONE_RECEPTOR: _receptor,
    Kind.CANCER_STAGE: _stage,
}
