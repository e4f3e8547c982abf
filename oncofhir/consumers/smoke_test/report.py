"""The invented report and its patient.

Both carry the label HTEST (test health data, http://terminology.hl7.org/CodeSystem/v3-ActReason).
"""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

PATIENT_ID = "oncofhir-smoke-test"
# The run's identifier makes each run's document new: the same text would be a duplicate of the last run's.
_TEXT = """SURGICAL PATHOLOGY REPORT (INVENTED, FOR A TEST OF THE INSTALLATION)
Test run: {run}

FINAL DIAGNOSIS:
LEFT BREAST, LUMPECTOMY:
- Invasive ductal carcinoma, breast cancer, Nottingham grade 2.
- Tumor size: 2.3 cm.
- Pathologic stage: pT2 pN0.
"""
_TEST_DATA = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}


def patient() -> dict[str, Any]:
    """Return the patient to whom the report belongs."""
    return {
        "resourceType": "Patient",
        "id": PATIENT_ID,
        "meta": {"security": [_TEST_DATA]},
        "active": False,
        "name": [{"text": "Invented patient of oncofhir's smoke test"}],
    }


class InventedReport:
    """The DiagnosticReport of one run, in two versions: final, and entered in error."""

    def __init__(self) -> None:
        self._run = uuid4().hex[:12]
        self.id = f"{PATIENT_ID}-{self._run}"
        self.reference = f"DiagnosticReport/{self.id}"

    def final(self) -> dict[str, Any]:
        """Return the first version."""
        return self._version(1, "final")

    def retraction(self) -> dict[str, Any]:
        """Return the second version, which withdraws the first."""
        return self._version(2, "entered-in-error")

    def _version(self, version: int, status: str) -> dict[str, Any]:
        written = datetime.now(UTC) + timedelta(seconds=version - 1)
        text = _TEXT.format(run=self._run).encode()
        return {
            "resourceType": "DiagnosticReport",
            "id": self.id,
            "meta": {
                "versionId": str(version),
                "lastUpdated": written.isoformat(timespec="milliseconds"),
                "security": [_TEST_DATA],
            },
            "status": status,
            "code": {"coding": [{"system": "http://loinc.org", "code": "11526-1"}]},
            "subject": {"reference": f"Patient/{PATIENT_ID}"},
            "effectiveDateTime": written.date().isoformat(),
            "presentedForm": [
                {"contentType": "text/plain", "data": base64.b64encode(text).decode()}
            ],
        }
