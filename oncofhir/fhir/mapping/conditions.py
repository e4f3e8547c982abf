"""Builds Conditions: mcode-primary-cancer-condition, mcode-secondary-cancer-condition, or neither.

Source: mCODE 4.0.0, SD_Condition.fsh; status rules: R4 condition-ver-status.
"""

import re
from collections.abc import Sequence
from typing import Any

from oncofhir.fhir import codes
from oncofhir.fhir.mapping.report_origin import ReportOrigin
from oncofhir.fhir.mapping.run_context import RunContext, Unprofiled
from oncofhir.schemas.finding import Basis, Finding
from oncofhir.schemas.lesion import Behaviour
from oncofhir.settings import ConditionCategory, VerificationStatus

# condition-ver-status; R4 condition-category and, for health-concern, US Core's own.
_VERIFICATION_DISPLAYS = {
    VerificationStatus.UNCONFIRMED: "Unconfirmed",
    VerificationStatus.PROVISIONAL: "Provisional",
    VerificationStatus.DIFFERENTIAL: "Differential",
}
_CATEGORIES = {
    ConditionCategory.HEALTH_CONCERN: codes.concept(
        "http://hl7.org/fhir/us/core/CodeSystem/condition-category",
        "health-concern",
        "Health Concern",
    ),
    ConditionCategory.PROBLEM_LIST_ITEM: codes.concept(
        "http://terminology.hl7.org/CodeSystem/condition-category",
        "problem-list-item",
        "Problem List Item",
    ),
}
_LYMPHOMA_CODE = re.compile(r"C8[1-8]")
# mcode-cancer-disease-status-evidence-type-vs is required: no code where none of it fits.
_EVIDENCE = {ReportOrigin.PATHOLOGY: codes.ANATOMIC_PATHOLOGY, ReportOrigin.IMAGING: codes.IMAGING}


def condition(
    context: RunContext,
    diagnosis: Finding,
    slot: str,
    *,
    behaviour: Behaviour | None,
    histology: Finding | None,
    where: dict[str, Any] | None,
    stages: Sequence[dict[str, Any]] = (),
    primary: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Build the Condition of a diagnosis: unconfirmed, and a health concern, unless the site chose otherwise.

    `behaviour` is that of its lesion, None if it names no malignancy. The Condition is active: lesions of the
    past are not written. `where` is the body site and `stages` the content of Condition.stage. A secondary
    cancer has no stage of its own, and refers to `primary` (relatedPrimaryCancerCondition). The asserted date
    is the report's, except for an inferred diagnosis, which no human asserted.
    """
    secondary = behaviour is Behaviour.METASTATIC
    extensions = context.derivations(diagnosis)
    if context.effective and diagnosis.basis is Basis.STATED:
        extensions.append({"url": codes.ASSERTED_DATE, "valueDateTime": context.effective})
    if histology and histology.codings:
        value = {**coded(histology), "text": histology.value}
        extensions.append({"url": codes.HISTOLOGY_EXTENSION, "valueCodeableConcept": value})
    if secondary and primary:
        extensions.append({"url": codes.RELATED_PRIMARY, "valueReference": primary})
    verified = context.options.verification_status
    evidence = {"detail": [context.source]}
    if context.report_origin in _EVIDENCE:
        evidence = {"code": [_EVIDENCE[context.report_origin]], **evidence}
    resource: dict[str, Any] = {
        "resourceType": "Condition",
        "id": context.identifier(slot)["value"],
        "meta": _meta(context, behaviour),
        "extension": extensions,
        "identifier": [context.identifier(slot)],
        "clinicalStatus": codes.concept(codes.CLINICAL_STATUS, "active", "Active"),
        "verificationStatus": codes.concept(
            codes.VERIFICATION_STATUS, verified.value, _VERIFICATION_DISPLAYS[verified]
        ),
        "category": [_CATEGORIES[context.options.condition_category]],
        "code": {**coded(diagnosis), "text": _text(diagnosis)},
        "subject": context.subject,
        "recordedDate": context.recorded.isoformat(),
        "evidence": [evidence],
        "note": context.notes(diagnosis),
    }
    if where:
        resource["bodySite"] = [where]
    if stages and not secondary:
        resource["stage"] = list(stages)
    return resource


def is_lymphoma(diagnosis: Finding) -> bool:
    """Whether the diagnosis is staged by Ann Arbor or Lugano and not by TNM groups."""
    if "lymphoma" in diagnosis.value.lower():
        return True
    return any(
        coding.system == codes.ICD_10_CM and _LYMPHOMA_CODE.match(coding.code)
        for coding in diagnosis.codings
    )


def _meta(context: RunContext, behaviour: Behaviour | None) -> dict[str, Any]:
    if behaviour is Behaviour.METASTATIC:
        return context.meta(codes.MCODE + "mcode-secondary-cancer-condition")
    if behaviour in {Behaviour.IN_SITU, Behaviour.INVASIVE}:
        return context.meta(codes.MCODE + "mcode-primary-cancer-condition")
    return context.meta(codes.US_CORE_CONDITION, Unprofiled.NO_MALIGNANCY)


def _text(diagnosis: Finding) -> str:
    inferred = " (inferred by the model)" if diagnosis.basis is Basis.INFERRED else ""
    return diagnosis.value + inferred


def coded(finding: Finding) -> dict[str, Any]:
    """Return the codings of a finding, as a part of a CodeableConcept; empty if it has none."""
    coding = [c.model_dump(exclude_none=True) for c in finding.codings]
    return {"coding": coding} if coding else {}
