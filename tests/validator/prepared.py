"""Snapshots as a store would hold them: references resolve, and the head has an address. Pure."""

import copy
import json
from typing import Any

from oncofhir.fhir.store.withdrawal import entered_in_error

STORE = "http://store.example.org/fhir/"
BROKEN = "broken-on-purpose"
WITHDRAWN = ("breast", "lung-on-ct", "liver-metastasis")


def as_stored(bundle: dict[str, Any]) -> dict[str, Any]:
    """The transaction with the addresses that its resources get."""
    said = json.dumps(bundle)
    for entry in bundle["entry"]:
        resource, name = entry["resource"], entry["fullUrl"].removeprefix("urn:uuid:")
        said = said.replace(
            f'"reference": "urn:uuid:{name}"', f'"reference": "{resource["resourceType"]}/{name}"'
        )
    # The head is cut from most snapshots; its Provenance still names it.
    stored: dict[str, Any] = json.loads(
        said.replace('"reference": "urn:uuid:', '"reference": "Task/')
    )
    for entry in stored["entry"]:
        resource, name = entry["resource"], entry["fullUrl"].removeprefix("urn:uuid:")
        resource["id"] = name
        entry["fullUrl"] = f"{STORE}{resource['resourceType']}/{name}"
    return stored


def broken(bundle: dict[str, Any]) -> dict[str, Any]:
    """A Bundle that must not pass: its sizes have no dimension, and point to nothing."""
    worse = copy.deepcopy(bundle)
    for entry in worse["entry"]:
        for name in ("component", "specimen", "focus"):
            if entry["resource"]["resourceType"] == "Observation":
                entry["resource"].pop(name, None)
    return worse


def withdrawn(bundle: dict[str, Any]) -> dict[str, Any]:
    """The findings as they are when their report was retracted: they still claim their profiles."""
    gone = copy.deepcopy(bundle)
    gone["entry"] = [
        entry | {"resource": entered_in_error(entry["resource"]) | {"id": entry["resource"]["id"]}}
        for entry in gone["entry"]
        if entry["resource"]["resourceType"] not in {"Provenance", "Task"}
    ]
    return gone
