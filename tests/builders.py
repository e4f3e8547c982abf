"""Reports as FHIR resources, in a few lines; `CANARY` stands for a patient's name and must show up nowhere."""

import base64
from typing import Any

CANARY = "Zebulon-Quillfeather-4711"
BREAST = f"""SURGICAL PATHOLOGY REPORT

CLINICAL HISTORY: {CANARY}, 58 year old woman with a breast mass.

FINAL DIAGNOSIS:
LEFT BREAST, MASTECTOMY:
- Invasive ductal carcinoma, Nottingham grade 2.
- Tumor size: 2.3 x 1.8 x 1.5 cm.
- Estrogen receptor: positive. Progesterone receptor: negative. HER2: negative (1+).
- Pathologic stage: pT2 pN1a, stage IIB.
"""


def attachment(data: str | bytes, content_type: str = "text/plain", **more: Any) -> dict[str, Any]:
    """An Attachment with the data inline."""
    raw = data.encode() if isinstance(data, str) else data
    return {"contentType": content_type, "data": base64.b64encode(raw).decode(), **more}


def diagnostic_report(ident: str, *forms: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A final DiagnosticReport with these attachments as its presented forms."""
    return {
        "resourceType": "DiagnosticReport",
        "id": ident,
        "status": "final",
        "subject": {"reference": "Patient/p1"},
        **({"presentedForm": list(forms)} if forms else {}),
        **more,
    }


def document_reference(ident: str, *attachments: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A current DocumentReference with these attachments as its content."""
    return {
        "resourceType": "DocumentReference",
        "id": ident,
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": each} for each in attachments],
        **more,
    }


def pathology_report(
    ident: str, text: str, *, version: str = "1", status: str = "final", patient: str = "p1"
) -> dict[str, Any]:
    """A DiagnosticReport of pathology, as an EHR publishes it, with the text inline."""
    return diagnostic_report(
        ident,
        attachment(text),
        status=status,
        meta={"versionId": version, "lastUpdated": f"2026-11-20T10:0{version}:00Z"},
        code={"coding": [{"system": "http://loinc.org", "code": "11526-1"}]},
        subject={"reference": f"Patient/{patient}"},
        effectiveDateTime="2026-11-18",
    )
