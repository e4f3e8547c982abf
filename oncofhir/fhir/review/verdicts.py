"""A verdict on a resource: the next version of it. Pure.

Sources: R4 observation-status, condition-ver-status and condition (con-5); v3-ObservationValue for the
labels; AI Transparency IG 1.0.0, requirements.md, "Labeling": AIAST names the origin and says nothing of a
review. A confirmed or refuted finding keeps it. A value that a human chose is labelled HCPAST in its place.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from oncofhir.fhir import codes
from oncofhir.fhir.review.elements import Resource, with_value, without_location
from oncofhir.fhir.review.profiles import with_fitting_profile
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus
from oncofhir.schemas.review import ReviewedValue, Reviewer

HUMAN_ASSERTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "HCPAST",
    "display": "healthcare professional asserted",
}
_OBSERVATION = {
    ReviewStatus.CONFIRMED: "final",
    ReviewStatus.CORRECTED: "corrected",
    ReviewStatus.REFUTED: "cancelled",
    ReviewStatus.ENTERED_IN_ERROR: "entered-in-error",
}
_CONDITION = {
    ReviewStatus.CONFIRMED: ("confirmed", "Confirmed"),
    ReviewStatus.CORRECTED: ("confirmed", "Confirmed"),
    ReviewStatus.REFUTED: ("refuted", "Refuted"),
    ReviewStatus.ENTERED_IN_ERROR: ("entered-in-error", "Entered in Error"),
}
_LOCATED = frozenset({Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY})
_SERVER_SET = frozenset({"versionId", "lastUpdated", "source"})
_DIAGNOSIS_ELEMENTS = (
    "code",
    "verificationStatus",
    "clinicalStatus",
    "asserter",
    "note",
    "extension",
    "stage",
)


def reviewer_element(reviewer: Reviewer) -> dict[str, Any]:
    """Return the reviewer as a Reference: literal, or logical by the identifier of the login."""
    element: dict[str, Any] = {"display": reviewer.display}
    if reviewer.reference is not None:
        return {"reference": reviewer.reference, **element}
    system, value = reviewer.login
    return {"type": "Practitioner", "identifier": {"system": system, "value": value}, **element}


def reviewed(
    resource: Resource,
    row: PhenotypeRow,
    status: ReviewStatus,
    value: ReviewedValue | None,
    reviewer: Reviewer,
    at: datetime,
    comment: str | None = None,
) -> Resource:
    """Return the resource after a verdict on the finding `row`, with the value that a human chose, if any.

    The verdict on a site or a side changes the element and leaves the status of the resource, which is the
    diagnosis's. A refuted site is removed.
    """
    changed = clean(resource)
    if value is not None:
        changed = with_fitting_profile(with_value(changed, row, value), row, value)
    if comment:
        note = {
            "authorReference": reviewer_element(reviewer),
            "time": at.isoformat(),
            "text": comment,
        }
        changed["note"] = [*changed.get("note", ()), note]
    if row.kind in _LOCATED:
        is_wrong = status in {ReviewStatus.REFUTED, ReviewStatus.ENTERED_IN_ERROR}
        return without_location(changed, row.kind) if is_wrong else changed
    if changed["resourceType"] == "Condition":
        changed = _condition(changed, status)
        changed["asserter"] = reviewer_element(reviewer)
    elif changed["resourceType"] == "Observation":
        changed["status"] = _OBSERVATION[status]
    if status is ReviewStatus.CORRECTED:
        changed = _asserted_by(changed, reviewer)
    return changed


def clean(resource: Resource) -> Resource:
    """Return a copy to write: without narrative, which is of the old content, and what servers set."""
    copy = {name: value for name, value in resource.items() if name != "text"}
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in _SERVER_SET}
    return copy | {"meta": meta}


def restored(current: Resource, earlier: Resource, kind: Kind) -> Resource:
    """Return the resource with what a verdict on a finding of this kind changed as it was in `earlier`.

    A Condition may hold other verdicts, which stay.
    """
    if current["resourceType"] == "Observation":
        return clean(earlier)
    names: Sequence[str] = ("bodySite", "collection", "location", "locationQualifier", "note")
    if kind is Kind.DIAGNOSIS:
        names = _DIAGNOSIS_ELEMENTS
    elif kind not in _LOCATED:  # the copies of a stage and of a histology
        names = ("stage", "extension")
    kept = {name: value for name, value in clean(current).items() if name not in names}
    back = {name: earlier[name] for name in names if name in earlier}
    if kind is Kind.DIAGNOSIS:
        back["meta"] = clean(earlier)["meta"]
    return kept | back


def with_copy(condition: Resource, observation: Resource, status: ReviewStatus) -> Resource | None:
    """Return the Condition with the stage or histology that a reviewed Observation has now.

    None if the Condition holds no copy of it, or the same one.
    """
    changed = clean(condition)
    is_wrong = status in {ReviewStatus.REFUTED, ReviewStatus.ENTERED_IN_ERROR}
    value = observation.get("valueCodeableConcept")
    reference = f"Observation/{observation['id']}"
    stages = [
        stage
        if not _assessed(stage, reference)
        else None
        if is_wrong
        else stage | {"summary": value}
        for stage in condition.get("stage", ())
    ]
    kept = [stage for stage in stages if stage is not None]
    if kept != condition.get("stage", []):
        changed = {k: v for k, v in changed.items() if k != "stage"} | (
            {"stage": kept} if kept else {}
        )
    if observation.get("code") == codes.HISTOLOGY:
        others = [
            e for e in condition.get("extension", ()) if e.get("url") != codes.HISTOLOGY_EXTENSION
        ]
        had = len(others) != len(condition.get("extension", ()))
        copy = {"url": codes.HISTOLOGY_EXTENSION, "valueCodeableConcept": value}
        if had:
            coded = bool(value and value.get("coding"))
            changed["extension"] = [*others, *([copy] if coded and not is_wrong else [])]
    return None if changed == clean(condition) else changed


def _assessed(stage: dict[str, Any], reference: str) -> bool:
    return any(a.get("reference") == reference for a in stage.get("assessment", ()))


def _condition(resource: Resource, status: ReviewStatus) -> Resource:
    """Set the verification status. con-5: no clinicalStatus if it is entered-in-error.

    A condition that was ruled out is not active.
    """
    code, display = _CONDITION[status]
    resource["verificationStatus"] = codes.concept(codes.VERIFICATION_STATUS, code, display)
    if status is ReviewStatus.ENTERED_IN_ERROR:
        resource.pop("clinicalStatus", None)
    elif status is ReviewStatus.REFUTED:
        resource["clinicalStatus"] = codes.concept(codes.CLINICAL_STATUS, "inactive", "Inactive")
    else:
        resource["clinicalStatus"] = codes.concept(codes.CLINICAL_STATUS, "active", "Active")
    return resource


def _asserted_by(resource: Resource, reviewer: Reviewer) -> Resource:
    """Label a value that a human chose: no AI label, no confidence and no device of the model."""
    labels = [c for c in resource["meta"].get("security", ()) if c.get("code") != "AIAST"]
    if HUMAN_ASSERTED not in labels:
        labels.insert(0, HUMAN_ASSERTED)
    resource["meta"] = resource["meta"] | {"security": labels}
    extensions = [e for e in resource.get("extension", ()) if e.get("url") != codes.AI_CONFIDENCE]
    if extensions:
        resource["extension"] = extensions
    else:
        resource.pop("extension", None)
    if resource["resourceType"] == "Observation":
        resource.pop("device", None)
        resource["performer"] = [reviewer_element(reviewer)]
    return resource
