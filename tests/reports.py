"""Reports for tests, in a few lines; `CANARY` stands for a patient's name and must show up nowhere."""

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


def diagnostic_report(
    ident: str, text: str, *, version: str = "1", status: str = "final", patient: str = "p1"
) -> dict[str, Any]:
    """A DiagnosticReport of pathology with the text inline."""
    return {
        "resourceType": "DiagnosticReport",
        "id": ident,
        "meta": {"versionId": version, "lastUpdated": f"2026-11-20T10:0{version}:00Z"},
        "status": status,
        "code": {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-11-18",
        "presentedForm": [
            {"contentType": "text/plain", "data": base64.b64encode(text.encode()).decode()}
        ],
    }
