"""Lets reports of one document run one after another: equal ones of a record, and all within a worker.

The first asks the model and stores the answer. The others find that in the document state and ask nothing.
Otherwise a Bundle of thousands of equal reports would have them all ask the model and write the same tracking
Task at once, and each conflict would be retried. Other workers are kept apart by the version of the Task.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from oncofhir.schemas.event import ReportEvent

# What distinguishes one resource of a document from another, and is not part of what the document says.
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


class DocumentTurns:
    """Turns by document identity. Belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, document: str) -> AsyncIterator[None]:
        """Wait for the turn of a document; the reports that came before have ended then."""
        lock = self._locks.setdefault(document, asyncio.Lock())
        self._waiting[document] = self._waiting.get(document, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._waiting[document] -= 1
            if not self._waiting[document]:
                del self._waiting[document], self._locks[document]
