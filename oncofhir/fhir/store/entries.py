"""Bundle entries and references for what is written to the store. Pure.

Source: http://hl7.org/fhir/R4/http.html#transaction; update-as-create for findings, conditional create for
a document's first head.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.head_task import to_task


def reference_to(resource: dict[str, Any]) -> str:
    """Return `Type/id` of a resource."""
    return f"{resource['resourceType']}/{resource['id']}"


def version_id_of(resource: dict[str, Any] | None) -> str | None:
    """Return `meta.versionId`, or None if the resource is missing or has no version."""
    version: str | None = (resource or {}).get("meta", {}).get("versionId")
    return version


def put_entry(resource: dict[str, Any], version_id: str | None = None) -> dict[str, Any]:
    """Build the entry that creates or updates a resource by its id.

    With `version_id` the update is conditional on that version (If-Match).
    """
    request = {"method": "PUT", "url": reference_to(resource)}
    if version_id:
        request["ifMatch"] = f'W/"{version_id}"'
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource, "request": request}


def head_entry(
    head: Head, systems: IdentifierSystems, sources: SourceReferences = SAME
) -> dict[str, Any]:
    """Build the entry that writes a head: a conditional create, or an update of the version that was read."""
    task = to_task(head, systems, sources)
    if head.id is not None:
        return put_entry(task, head.version_id)
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


def transaction_bundle(entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Build the transaction Bundle of the entries, in their order."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
