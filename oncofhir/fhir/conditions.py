"""The Condition (mcode-primary-cancer-condition) and the Specimen (mcode-human-specimen).

Source: mCODE 4.0.0, SD_Condition.fsh, SD_HumanSpecimen; status rules: R4 condition-ver-status.
"""

from typing import Any

from oncofhir.fhir import codes
from oncofhir.fhir.context import Context
from oncofhir.schemas.finding import Finding

_ANATOMIC_PATHOLOGY = codes.concept(
    codes.SNOMED_CT, "108257001", "Anatomic pathology procedure (procedure)"
)
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_US_CORE_CATEGORY = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"


def condition(
    context: Context,
    diagnosis: Finding,
    slot: str,
    *,
    histology: Finding | None,
    site: Finding | None,
    laterality: Finding | None,
    group: tuple[Finding, dict[str, str]] | None,
) -> dict[str, Any]:
    """The diagnosis: unconfirmed, a health concern, until a human takes it up.

    `group` is the stage group with the reference of its Observation.
    """
    extensions = context.derivations(diagnosis)
    if histology and histology.codings:
        value = {**_coded(histology), "text": histology.value}
        extensions.append({"url": codes.HISTOLOGY_EXTENSION, "valueCodeableConcept": value})
    resource: dict[str, Any] = {
        "resourceType": "Condition",
        "id": context.identifier(slot)["value"],
        "meta": context.meta(codes.MCODE + "mcode-primary-cancer-condition"),
        "extension": extensions,
        "identifier": [context.identifier(slot)],
        "clinicalStatus": codes.concept(_CLINICAL, "active", "Active"),
        "verificationStatus": codes.concept(_VERIFICATION, "unconfirmed", "Unconfirmed"),
        "category": [codes.concept(_US_CORE_CATEGORY, "health-concern", "Health Concern")],
        "code": {**_coded(diagnosis), "text": _text(diagnosis)},
        "subject": {"reference": context.report.subject},
        "evidence": [
            {"code": [_ANATOMIC_PATHOLOGY], "detail": [{"reference": context.run.source}]}
        ],
        "note": context.notes(diagnosis),
    }
    where = body_site(site, laterality)
    if where:
        resource["bodySite"] = [where]
    if group:
        finding, reference = group
        summary = {**_coded(finding), "text": f"stage {finding.value}"}
        resource["stage"] = [{"summary": summary, "assessment": [reference]}]
    return resource


def _text(diagnosis: Finding) -> str:
    inferred = " (inferred by the model)" if diagnosis.basis == "inferred" else ""
    return diagnosis.value + inferred


def _coded(finding: Finding) -> dict[str, Any]:
    coding = [c.model_dump(exclude_none=True) for c in finding.codings]
    return {"coding": coding} if coding else {}


def body_site(site: Finding | None, laterality: Finding | None) -> dict[str, Any] | None:
    """The site with its side; None when neither is known."""
    if site is None:
        return None
    where: dict[str, Any] = {**_coded(site), "text": site.value}
    if laterality and laterality.codings:
        side = _coded(laterality)
        where = {
            "extension": [{"url": codes.LATERALITY_EXTENSION, "valueCodeableConcept": side}],
            **where,
        }
    return where


def specimen(context: Context, slot: str, where: dict[str, Any] | None) -> dict[str, Any]:
    """The tumour that was removed, for a report that names no Specimen (v2-0487 TUMOR)."""
    collection = {"collection": {"bodySite": where}} if where else {}
    return {
        "resourceType": "Specimen",
        "id": context.identifier(slot)["value"],
        "meta": context.meta(codes.MCODE + "mcode-human-specimen"),
        "identifier": [context.identifier(slot)],
        "type": codes.concept("http://terminology.hl7.org/CodeSystem/v2-0487", "TUMOR", "Tumor"),
        "subject": {"reference": context.report.subject},
        **collection,
    }


def entered_in_error(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource withdrawn; con-5: a Condition entered in error has no clinicalStatus."""
    withdrawn = {k: v for k, v in resource.items() if k != "text"}
    meta = {
        k: v for k, v in resource.get("meta", {}).items() if k in {"profile", "security", "tag"}
    }
    withdrawn["meta"] = meta
    if resource["resourceType"] == "Condition":
        withdrawn.pop("clinicalStatus", None)
        withdrawn["verificationStatus"] = codes.concept(
            _VERIFICATION, "entered-in-error", "Entered in Error"
        )
    else:
        withdrawn["status"] = "entered-in-error"
    return withdrawn
