"""Finds reports of one record with equal content. They belong to one document, so they run one after another.

Otherwise a Bundle of thousands of equal reports would have them all write the same tracking Task at once,
and each conflict would be retried. Pure.
"""

import hashlib
import json
from collections.abc import Sequence

from oncofhir.schemas.event import ReportEvent

# What tells one resource of a document from another, and not what the document says.
_IDENTITY = frozenset({"id", "meta", "identifier", "masterIdentifier"})


def predecessors(events: Sequence[ReportEvent]) -> dict[int, int]:
    """Return, per index of an event that has an equal one before it, the index of the last such event."""
    if len(events) == 1:
        return {}
    last: dict[str, int] = {}
    before: dict[int, int] = {}
    for index, event in enumerate(events):
        if event.resource is None:
            continue
        digest = _digest(event)
        if digest in last:
            before[index] = last[digest]
        last[digest] = index
    return before


def _digest(event: ReportEvent) -> str:
    content = {
        name: value for name, value in (event.resource or {}).items() if name not in _IDENTITY
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
