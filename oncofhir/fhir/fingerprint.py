"""What we wrote, in short: a human's edit is seen by it, and an unchanged finding is not written again."""

import hashlib
import json
from typing import Any

CLINICAL = (
    "status",
    "clinicalStatus",
    "verificationStatus",
    "code",
    "valueCodeableConcept",
    "valueQuantity",
    "component",
    "bodySite",
    "method",
    "stage",
    "effectiveDateTime",
    "interpretation",
    "note",
    "type",
    "collection",
    "specimen",
)


def fingerprint(resource: dict[str, Any]) -> str:
    """Hex sha256 over the clinical elements: not over meta, narrative, subject or the source's version.

    A changed subject after a patient merge is no edit (issue "FHIR output", 4). Numbers that a server
    writes in another form (23 and 23.0) are the same; so are display texts that it fills in.
    """
    clinical = {name: _normal(resource[name]) for name in CLINICAL if name in resource}
    canonical = json.dumps(clinical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: _normal(v) for k, v in value.items() if k not in {"display", "id", "userSelected"}
        }
    if isinstance(value, list):
        return [_normal(v) for v in value]
    if isinstance(value, float) and value == int(value):
        return int(value)
    return value
