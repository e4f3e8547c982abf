"""References between the entries of a Bundle, made literal (`Type/id`).

Source: http://hl7.org/fhir/R4/bundle.html#references: an entry may be named by its `fullUrl`, a `urn:uuid:`
or an address, whether its resource has an id or not.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oncofhir.fhir.references import is_id, literal_reference

_MAX_DEPTH = 32
_URN = "urn:uuid:"
# Read, and referred to by nothing that is written: an id from the entry's name does no harm.
_ONLY_READ = frozenset({"Binary", "Observation"})

Entry = tuple[str | None, dict[str, Any] | None]
"""`fullUrl` and resource of an entry."""


def with_literal_references(entries: Sequence[Entry]) -> list[dict[str, Any] | None]:
    """Return the resources with references to sibling entries made literal.

    A resource without an id gets the one that its `fullUrl` names. From a `urn:uuid:` only a Binary or an
    Observation gets one: a reference to it is never written to a server that does not know it.
    """
    named = [_with_id(full_url, resource) for full_url, resource in entries]
    known = {
        full_url: f"{resource['resourceType']}/{resource['id']}"
        for (full_url, _), resource in zip(entries, named, strict=True)
        if resource is not None
        and full_url is not None
        and full_url.startswith("urn:")
        and isinstance(resource.get("resourceType"), str)
        and isinstance(resource.get("id"), str)
    }
    if not known:
        return named
    return [None if resource is None else _rewrite(resource, known, 0) for resource in named]


def literal_bundle(bundle: dict[str, Any]) -> dict[str, Any]:
    """Return a Bundle whose entries hold resources with literal references; malformed entries stay."""
    entries = bundle.get("entry")
    if not isinstance(entries, list):
        return bundle
    pairs = [_pair(entry) for entry in entries]
    literal = with_literal_references(pairs)
    rewritten = [
        {**entry, "resource": resource} if resource is not None else entry
        for entry, resource in zip(entries, literal, strict=True)
    ]
    return {**bundle, "entry": rewritten}


def _pair(entry: Any) -> Entry:
    if not isinstance(entry, dict):
        return None, None
    full_url, resource = entry.get("fullUrl"), entry.get("resource")
    return (
        full_url if isinstance(full_url, str) else None,
        resource if isinstance(resource, dict) else None,
    )


def _with_id(full_url: str | None, resource: dict[str, Any] | None) -> dict[str, Any] | None:
    if resource is None or full_url is None or resource.get("id") is not None:
        return resource
    kind = resource.get("resourceType")
    if full_url.startswith(_URN):
        ident = full_url.removeprefix(_URN)
        return {**resource, "id": ident} if kind in _ONLY_READ and is_id(ident) else resource
    literal = literal_reference(full_url)
    is_own = literal is not None and literal.type == kind
    return {**resource, "id": literal.id} if literal is not None and is_own else resource


def _rewrite(element: Any, known: Mapping[str, str], depth: int) -> Any:
    if depth > _MAX_DEPTH:
        return element
    if isinstance(element, list):
        return [_rewrite(inner, known, depth + 1) for inner in element]
    if not isinstance(element, dict):
        return element
    return {
        name: known[value]
        if name in {"reference", "url"} and isinstance(value, str) and value in known
        else _rewrite(value, known, depth + 1)
        for name, value in element.items()
    }
