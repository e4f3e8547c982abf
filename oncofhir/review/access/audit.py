"""The AuditEvent of a view of a report: who saw which report of which patient.

Profile: IHE Basic Audit Log Patterns 1.1.4, PatientRead (Read where the patient is unknown). The client that
reads from the store is this application, on behalf of the user. Source:
https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead.
"""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from oncofhir.review.access.users import Role, User

_BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_URI = "urn:ietf:rfc:3986"
_NETWORK_URI = "5"  # R4, network-type: URI
_ROLE_TEXT = {
    Role.REVIEWER: "reviewer of findings",
    Role.LEAD: "lead of the reviewers",
    Role.AUDITOR: "auditor",
}


def view_of_report(
    user: User,
    *,
    report: str,
    patient: str | None,
    store_url: str,
    page_url: str,
    software: str,
    recorded: datetime,
    is_logical: bool = False,
) -> dict[str, Any]:
    """Build the AuditEvent. `report` and `patient` are references: DiagnosticReport/1, Patient/1.

    `is_logical` names them by their addresses as identifiers (FHIR R4, Logical References): servers that
    check references refuse literal ones to what was deleted.
    """

    def reference(to: str) -> dict[str, Any]:
        if not is_logical:
            return {"reference": to}
        address = {"system": _URI, "value": f"{store_url}/{to}"}
        return {"type": to.partition("/")[0], "identifier": address}

    data = {
        "what": reference(report),
        "type": _coding("audit-entity-type", "2", "System Object"),
        "role": _coding("object-role", "3", "Report"),
    }
    entities = [data]
    if patient:
        entities.append(
            {
                "what": reference(patient),
                "type": _coding("audit-entity-type", "1", "Person"),
                "role": _coding("object-role", "1", "Patient"),
            }
        )
    application = {"display": f"oncofhir {software}, review page"}
    return {
        "resourceType": "AuditEvent",
        "meta": {"profile": [_BALP + ("PatientRead" if patient else "Read")]},
        "type": _coding("audit-event-type", "rest", "Restful Operation"),
        "subtype": [
            {
                "system": "http://hl7.org/fhir/restful-interaction",
                "code": "read",
                "display": "read",
            }
        ],
        "action": "R",
        "recorded": recorded.isoformat(),
        "outcome": "0",
        "agent": [
            {
                "type": {"coding": [_dicom("110152", "Destination Role ID")]},
                "who": application,
                "requestor": False,
                "network": {"address": page_url, "type": _NETWORK_URI},
            },
            {
                "type": {"coding": [_dicom("110153", "Source Role ID")]},
                "who": {"display": urlsplit(store_url).hostname or "FHIR server"},
                "requestor": False,
                "network": {"address": store_url, "type": _NETWORK_URI},
            },
            {
                "type": {
                    "coding": [
                        _coding("v3-ParticipationType", "IRCP", "information recipient"),
                    ]
                },
                "role": [{"text": _ROLE_TEXT[user.role]}],
                "who": _who(user),
                "name": user.name,
                "requestor": True,
            },
        ],
        "source": {
            "observer": application,
            "type": [
                {
                    "system": _TERMINOLOGY + "security-source-type",
                    "code": "4",
                    "display": "Application Server",
                }
            ],
        },
        "entity": entities,
    }


def _who(user: User) -> dict[str, Any]:
    identifier = {"system": user.issuer, "value": user.subject}
    if user.reference and "://" in user.reference:
        return {"reference": user.reference, "identifier": identifier, "display": user.name}
    return {"identifier": identifier, "display": user.name}


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": _TERMINOLOGY + system, "code": code, "display": display}


def _dicom(code: str, display: str) -> dict[str, str]:
    return {"system": _DICOM, "code": code, "display": display}
