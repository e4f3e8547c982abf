"""Builds Observations of mCODE STU4, one function per profile.

Source: mCODE 4.0.0, SD_TumorSize, SD_Histology, SD_Genomics, SD_Staging_TNM.
"""

from typing import Any

from oncofhir.fhir import codes
from oncofhir.fhir.mapping.conditions import coded
from oncofhir.fhir.mapping.report_origin import ReportOrigin
from oncofhir.fhir.mapping.run_context import RunContext, Unprofiled
from oncofhir.fhir.mapping.staging import Staging, StagingAuthority
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Finding, Kind
from oncofhir.terminology.coding import codings

_SIZE_CATEGORY = {ReportOrigin.PATHOLOGY: codes.LABORATORY, ReportOrigin.IMAGING: codes.IMAGED}
_SIZE_METHOD = {
    ReportOrigin.PATHOLOGY: codes.GROSS_EXAMINATION,
    ReportOrigin.IMAGING: codes.IMAGING,
}


class References(Value):
    """What an Observation refers to: the Condition, the Specimen or BodyStructure, a stage group's members.

    `staging` is the staging system of a stage, None for other findings.
    """

    condition: dict[str, str] | None = None
    anchor: dict[str, Any] | None = None
    members: tuple[dict[str, str], ...] = ()
    staging: Staging | None = None


def observation(
    context: RunContext, finding: Finding, slot: str, refs: References
) -> dict[str, Any]:
    """Build the Observation of a finding that refers to `refs`."""
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "id": context.identifier(slot)["value"],
        "extension": context.derivations(finding),
        "identifier": [context.identifier(slot)],
        "status": context.options.observation_status.value,
        "category": [codes.LABORATORY],
        "subject": context.subject,
        "note": context.notes(finding),
    }
    if context.effective:
        resource["effectiveDateTime"] = context.effective
    resource |= _BUILDERS[finding.kind](context, finding, refs)
    if not _is_staging(finding):  # mCODE: a stage has the condition as focus, and no device
        resource["device"] = {"reference": context.model_device}
        if refs.condition:
            related = {"url": codes.RELATED_CONDITION, "valueReference": refs.condition}
            resource["extension"] = [*resource["extension"], related]
    return resource


def _is_staging(finding: Finding) -> bool:
    return finding.kind is Kind.CANCER_STAGE or is_gleason(finding)


def is_gleason(finding: Finding) -> bool:
    """Whether a grade is a Gleason score, such as 3+4=7."""
    return finding.kind is Kind.CANCER_GRADE and "+" in finding.value


def _value(finding: Finding, text: str) -> dict[str, Any]:
    return {**coded(finding), "text": text}


def _specimen(refs: References) -> dict[str, Any]:
    """Return Observation.specimen. A tumour in the body is the focus of its size instead."""
    anchor = refs.anchor
    is_tumor = anchor is None or str(anchor.get("reference")).startswith("BodyStructure/")
    return {} if is_tumor else {"specimen": anchor}


def _size(context: RunContext, finding: Finding, refs: References) -> dict[str, Any]:
    """Build mcode-tumor-size: the longest dimension and up to two others (mm) of one specimen or tumour."""
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
    method = _SIZE_METHOD.get(context.report_origin)
    return {
        "meta": context.meta(codes.MCODE + "mcode-tumor-size"),
        "category": [_SIZE_CATEGORY.get(context.report_origin, codes.EXAM)],
        "code": codes.SIZE,
        **({"method": method} if method else {}),
        "component": components,
        **(_specimen(refs) or {"focus": [refs.anchor]}),
    }


def _grade(context: RunContext, finding: Finding, refs: References) -> dict[str, Any]:
    if is_gleason(finding):  # StructureDefinition-mcode-cancer-stage-intro.md
        return {
            "meta": context.meta(codes.STAGE_PROFILE),
            "code": codes.GLEASON,
            "valueCodeableConcept": stage_summary(finding, None),
            **({"focus": [refs.condition]} if refs.condition else {}),
            **_specimen(refs),
        }
    nottingham = any("nottingham" in evidence.text.lower() for evidence in finding.evidence)
    text = f"Nottingham grade {finding.value}" if nottingham else f"grade {finding.value}"
    return {
        "meta": context.meta(codes.MCODE + "mcode-histologic-grade"),
        "code": codes.GRADE,
        "valueCodeableConcept": _value(finding, text),
        **({"method": codes.NOTTINGHAM} if nottingham else {}),
        **_specimen(refs),
    }


def _histology(context: RunContext, finding: Finding, refs: References) -> dict[str, Any]:
    return {
        "meta": context.meta(codes.MCODE + "mcode-histologic-behavior-and-type"),
        "code": codes.HISTOLOGY,
        "valueCodeableConcept": _value(finding, finding.value),
        **_specimen(refs),
    }


def _receptor(context: RunContext, finding: Finding, refs: References) -> dict[str, Any]:
    code = codes.RECEPTORS.get(finding.slot or "")
    profile = codes.MCODE + "mcode-tumor-marker-test" if code else None
    return {
        "meta": context.meta(profile, None if code else Unprofiled.NO_TEST),
        "code": code or {"text": f"{finding.slot} receptor"},
        "valueCodeableConcept": _value(finding, f"{finding.slot} {finding.value}"),
        **_specimen(refs),
    }


def _stage(context: RunContext, finding: Finding, refs: References) -> dict[str, Any]:
    """Build a TNM category or a stage group.

    The value's binding has a maximum: a text without a code conforms to no TNM profile. The stage group's
    profile needs its Condition; without one the profile is the parent, mcode-cancer-stage. A FIGO stage is a
    kind of mcode-cancer-stage.
    """
    slot = finding.slot or ""
    staging = _staging(refs)
    is_group = slot == "group"
    unprofiled = None if finding.codings else _why_uncoded(finding, staging)
    if is_group and refs.condition is None:
        unprofiled = Unprofiled.NO_CONDITION
    code = codes.stage_code(slot, finding.value)
    profile: str | None = codes.STAGE_PROFILES[slot]
    if staging.system is StagingAuthority.FIGO:
        code, profile, unprofiled = codes.FIGO_STAGE, codes.STAGE_PROFILE, None
    elif unprofiled:
        profile = codes.STAGE_PROFILE if is_group else None
    if staging.system is StagingAuthority.LYMPHOMA:
        code = codes.LYMPHOMA_STAGE
    prefix = codes.stage_prefix(slot, finding.value)
    pathologic = "p" in prefix or (not prefix and context.report_origin is ReportOrigin.PATHOLOGY)
    return {
        "meta": context.meta(profile, unprofiled),
        "category": [codes.LABORATORY if pathologic else codes.EXAM],
        "code": code,
        "valueCodeableConcept": stage_summary(finding, staging),
        "method": staging.method,
        **({"focus": [refs.condition]} if refs.condition else {}),
        **({"hasMember": list(refs.members)} if is_group and refs.members else {}),
    }


def _staging(refs: References) -> Staging:
    assert refs.staging is not None, "a stage has its staging"
    return refs.staging


def _why_uncoded(finding: Finding, staging: Staging) -> Unprofiled:
    """Return why a stage has no code: its system is not named, or the system has no code for the value."""
    ajcc_codings = codings(finding.kind, finding.slot, finding.value)
    if ajcc_codings and staging.system is StagingAuthority.NOT_NAMED:
        return Unprofiled.NO_SYSTEM
    return Unprofiled.NO_CODE


def stage_summary(finding: Finding, staging: Staging | None) -> dict[str, Any]:
    """Return the value of a stage, which is Condition.stage.summary too: group, category or Gleason score."""
    if is_gleason(finding):
        return _value(finding, f"Gleason {finding.value}")
    if finding.slot != "group":
        return _value(finding, finding.value)
    figo = "FIGO " if staging and staging.system is StagingAuthority.FIGO else ""
    return _value(finding, f"{figo}stage {finding.value}")


def condition_stage(
    finding: Finding, staging: Staging | None, observation: dict[str, str]
) -> dict[str, Any]:
    """Build a Condition.stage that refers to its Observation, with the type if the system is named."""
    stage = {"summary": stage_summary(finding, staging), "assessment": [observation]}
    if staging and staging.type:
        stage["type"] = staging.type
    return stage


_BUILDERS = {
    Kind.TUMOR_SIZE: _size,
    Kind.CANCER_GRADE: _grade,
    Kind.HISTOLOGICAL_TYPE: _histology,
    Kind.HORMONE_RECEPTOR: _receptor,
    Kind.CANCER_STAGE: _stage,
}
