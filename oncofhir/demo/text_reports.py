"""Text files as reports that the demo can publish: a DiagnosticReport around each, of an invented patient."""

import base64
import re
from pathlib import Path
from typing import Any

from oncofhir.demo.reports import PATHOLOGY_CODE

TEXT_PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "demo-text",
    "name": [{"family": "Demo", "given": ["text"]}],
}
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9.-]+")
_NAME_LENGTH = 50  # an id has at most 64 characters (FHIR R4, datatype id)


def text_report(number: int, file: str, raw: bytes, content_type: str) -> dict[str, Any]:
    """Wrap a document in a final DiagnosticReport as its attachment. `number` makes its id unique."""
    name = _NOT_IN_AN_ID.sub("-", Path(file).stem)[:_NAME_LENGTH]
    return {
        "resourceType": "DiagnosticReport",
        "id": f"text-{number + 1}-{name}",
        "meta": {"versionId": "1", "lastUpdated": "2026-11-21T09:00:00Z"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", **PATHOLOGY_CODE}]},
        "subject": {"reference": f"Patient/{TEXT_PATIENT['id']}"},
        "presentedForm": [
            {"contentType": content_type, "data": base64.b64encode(raw).decode("ascii")}
        ],
    }
