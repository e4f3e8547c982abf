"""What we planned to call resources, and what a server calls them that gives the names itself. Pure.

Findings have ids of their own, which say what they are of. A server without update-as-create gives ids
itself; there the identifier says it, and references follow.
"""

from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.build import Plan
from oncofhir.fhir.fingerprint import fingerprint
from oncofhir.fhir.head import Head, StoredResource
from oncofhir.fhir.transaction import reference_to

Names = Mapping[str, str]
"""By what we planned (`Type/id`), what it is called in the store."""


def renamed(resource: dict[str, Any], names: Names) -> dict[str, Any]:
    """A resource under its name in the store, referring to others by theirs."""
    if not names:
        return resource
    copy: dict[str, Any] = _replaced(resource, names)
    called = names.get(reference_to(resource)) if "id" in resource else None
    return copy if called is None else copy | {"id": called.partition("/")[2]}


def named_plan(plan: Plan, known: Mapping[str, StoredResource]) -> Plan:
    """A plan under the names of what the head knows already."""
    names = {
        reference_to(planned): known[slot].reference
        for slot, planned in plan.resources.items()
        if slot in known and known[slot].reference.startswith(f"{planned['resourceType']}/")
    }
    names = {ours: theirs for ours, theirs in names.items() if ours != theirs}
    if not names:
        return plan
    resources = {slot: renamed(resource, names) for slot, resource in plan.resources.items()}
    rows = tuple(
        row.model_copy(update={"resource": names.get(row.resource or "", row.resource)})
        for row in plan.rows
    )
    return plan.model_copy(update={"resources": resources, "rows": rows})


def named_head(head: Head, names: Names, written: Mapping[str, dict[str, Any]]) -> Head:
    """A head under the names of what was created; `written` is what stands there now, by name."""
    if not names:
        return head
    by_name = {slot: _named(stored, names) for slot, stored in head.resources.items()}
    resources = {
        slot: stored.model_copy(update={"fingerprint": fingerprint(written[stored.reference])})
        if stored.reference in written
        else stored
        for slot, stored in by_name.items()
    }
    rows = tuple(
        row.model_copy(update={"resource": names.get(row.resource or "", row.resource)})
        for row in head.rows
    )
    return head.model_copy(update={"resources": resources, "rows": rows})


def _named(stored: StoredResource, names: Names) -> StoredResource:
    return stored.model_copy(update={"reference": names.get(stored.reference, stored.reference)})


def _replaced(value: Any, names: Names) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
