"""What we wrote, in short: a human's edit is seen by it, and an unchanged finding is not written again."""

import hashlib
import json
import re
from typing import Any

from oncofhir.fhir.codes import AI_CONFIDENCE, DERIVATION

# Not clinical, or a server's or a merge's to change: everything else is a human's edit when it differs.
# `device` says which model wrote it last, `recordedDate` when it was first written.
_NOT_COMPARED = frozenset(
    {
        "id",
        "meta",
        "text",
        "implicitRules",
        "language",
        "identifier",
        "subject",
        "patient",
        "device",
        "recordedDate",
    }
)
# Where a quote stands moves with each version of the report; what is quoted is in the note.
_EXTENSIONS_NOT_COMPARED = frozenset({DERIVATION, AI_CONFIDENCE})
_NOT_COMPARED_INSIDE = frozenset({"display", "id", "userSelected"})
_REFERENCE = re.compile(r"([A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?$")


def fingerprint(resource: dict[str, Any]) -> str:
    """Hex sha256 over the clinical elements.

    A changed subject after a patient merge is no edit (issue "FHIR output", 4). What a server writes in
    another form is the same: 23 and 23.0, white space, absolute references, references without their
    version, display texts that it fills in.
    """
    clinical = {
        name: normal
        for name, value in resource.items()
        if name not in _NOT_COMPARED and (normal := _normal(value)) not in ({}, [])
    }
    canonical = json.dumps(clinical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _reference(inner) if key == "reference" else _normal(inner)
            for key, inner in value.items()
            if key not in _NOT_COMPARED_INSIDE
        }
    if isinstance(value, list):
        return [_normal(item) for item in value if not _is_passed_over(item)]
    if isinstance(value, float) and value == int(value):
        return int(value)
    return " ".join(value.split()) if isinstance(value, str) else value


def _is_passed_over(item: Any) -> bool:
    return isinstance(item, dict) and item.get("url") in _EXTENSIONS_NOT_COMPARED


def _reference(value: Any) -> Any:
    match = _REFERENCE.search(value) if isinstance(value, str) else None
    return match[1] if match else value
