"""One transaction Bundle a report: findings, Provenance, and the head last, under its version.

Source: http://hl7.org/fhir/R4/http.html#transaction; update-as-create for findings, conditional create
for a document's first head.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from oncofhir.fhir.head import Head
from oncofhir.fhir.identifiers import IdentifierSystems


def reference_to(resource: dict[str, Any]) -> str:
    """`Type/id`."""
    return f"{resource['resourceType']}/{resource['id']}"


def put(resource: dict[str, Any], version_id: str | None = None) -> dict[str, Any]:
    """An entry that creates or updates a resource by its id, under the version that was read."""
    request = {"method": "PUT", "url": reference_to(resource)}
    if version_id:
        request["ifMatch"] = f'W/"{version_id}"'
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource, "request": request}


def head_entry(task: dict[str, Any], head: Head, systems: IdentifierSystems) -> dict[str, Any]:
    """The entry that writes the head: a conditional create, or an update under its version."""
    if head.id is not None:
        return put(task, head.version_id)
    identifier = quote(f"{systems.document}|{head.document}", safe=":/|")
    return {
        "fullUrl": f"urn:uuid:{head.document}",
        "resource": task,
        "request": {
            "method": "POST",
            "url": "Task",
            "ifNoneExist": f"identifier={identifier}",
        },
    }


def transaction(entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The Bundle."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
