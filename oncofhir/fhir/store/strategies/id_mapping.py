"""Maps this service's resource ids to those that a server assigned. Pure.

Findings have ids of their own, derived from what they are about, and all decisions use these. A server
without update-as-create assigns ids itself: there the identifier holds this service's id, the head keeps
both, and references are rewritten on the way to the server and on the way back.
"""

from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.store.entries import reference_to

ServerIds = Mapping[str, str]
"""The server's `Type/id` by this service's `Type/id`, or the other way round."""


def rewrite_references(resource: dict[str, Any], ids: ServerIds) -> dict[str, Any]:
    """Return the resource with its own id and its references rewritten. One without an id keeps none."""
    copy: dict[str, Any] = _rewrite(resource, ids)
    reference = ids.get(reference_to(resource)) if "id" in resource else None
    return copy if reference is None else copy | {"id": reference.partition("/")[2]}


def inverted(ids: ServerIds) -> ServerIds:
    """Return the mapping the other way round."""
    return {value: key for key, value in ids.items()}


def _rewrite(value: Any, ids: ServerIds) -> Any:
    if isinstance(value, dict):
        return {key: _rewrite(inner, ids) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rewrite(item, ids) for item in value]
    return ids.get(value, value) if isinstance(value, str) else value
