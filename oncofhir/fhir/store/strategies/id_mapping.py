"""What we call resources, and what a server calls them that gives the names itself. Pure.

Findings have ids of their own, which say what they are of, and everything is decided in these. A server
without update-as-create gives ids itself; there the identifier says ours, the head keeps both, and names are
put in on the way to the server and taken out on the way back.
"""

from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.store.strategies.transaction import reference_to

Names = Mapping[str, str]
"""`Type/id` by `Type/id`: the server's by ours, or the other way."""


def renamed(resource: dict[str, Any], names: Names) -> dict[str, Any]:
    """A resource under its other name, referring to others by theirs; without id it has none."""
    copy: dict[str, Any] = _replaced(resource, names)
    called = names.get(reference_to(resource)) if "id" in resource else None
    return copy if called is None else copy | {"id": called.partition("/")[2]}


def reverse(names: Names) -> Names:
    """The other way round."""
    return {theirs: ours for ours, theirs in names.items()}


def _replaced(value: Any, names: Names) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
