"""Fingerprints of resources: they reveal a human's edit, and findings that need no rewriting."""

import hashlib
import json
import re
from typing import Any

from oncofhir.fhir.codes import AI_CONFIDENCE, DERIVATION

# Elements that are not clinical, or that a server or a merge of patients may change. Every other difference
# is a human's edit. `device` names the model that wrote last, `recordedDate` the time of the first write.
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
# The offsets of a quote change with each version of the report. The quoted text is in the note.
_EXTENSIONS_NOT_COMPARED = frozenset({DERIVATION, AI_CONFIDENCE})
_NOT_COMPARED_INSIDE = frozenset({"display", "id", "userSelected"})
_REFERENCE = re.compile(r"([A-Za-z]+/[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?$")


def fingerprint(resource: dict[str, Any]) -> str:
    """Hash the clinical elements of a resource (hex sha256).

    Forms that servers change are equal: 23 and 23.0, white space, absolute and relative references, versioned
    and unversioned references, displays. A new subject after a merge of patients is no edit.
    """
    clinical = {
        name: normal
        for name, value in resource.items()
        if name not in _NOT_COMPARED and (normal := _normalize(value)) not in ({}, [])
    }
    canonical = json.dumps(clinical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _normalize(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _normalize_reference(inner) if key == "reference" else _normalize(inner)
            for key, inner in value.items()
            if key not in _NOT_COMPARED_INSIDE
        }
    if isinstance(value, list):
        return [_normalize(item) for item in value if not _is_ignored(item)]
    if isinstance(value, float) and value == int(value):
        return int(value)
    return " ".join(value.split()) if isinstance(value, str) else value


def _is_ignored(item: Any) -> bool:
    return isinstance(item, dict) and item.get("url") in _EXTENSIONS_NOT_COMPARED


def _normalize_reference(value: Any) -> Any:
    match = _REFERENCE.search(value) if isinstance(value, str) else None
    return match[1] if match else value
