"""Empties a resource that a server does not delete: entered-in-error, with what R4 requires. Pure.

Source: the element tables of http://hl7.org/fhir/R4/observation.html, condition.html, specimen.html,
bodystructure.html, task.html and provenance.html (cardinality 1).
"""

from typing import Any

from oncofhir.fhir import codes

_ERASED = {"display": "erased"}
_CODE = {"text": "erased"}


def blank(resource: dict[str, Any]) -> dict[str, Any] | None:
    """Return the resource without content, patient and identifiers; None for a type that is not ours."""
    kind = resource["resourceType"]
    required: dict[str, dict[str, Any]] = {
        "Observation": {"status": "entered-in-error", "code": _CODE},
        "Condition": {
            "verificationStatus": codes.concept(
                codes.VERIFICATION_STATUS, "entered-in-error", "Entered in Error"
            ),
            "subject": _ERASED,
        },
        "Specimen": {"status": "entered-in-error"},
        "BodyStructure": {"active": False, "patient": _ERASED},
        "Task": {"status": "entered-in-error", "intent": "order"},
        "Provenance": {
            "target": [_ERASED],
            "recorded": resource.get("recorded"),
            "agent": [{"who": {"display": "oncofhir"}}],
        },
    }
    if kind not in required:
        return None
    return {"resourceType": kind, "id": resource["id"], **required[kind]}
