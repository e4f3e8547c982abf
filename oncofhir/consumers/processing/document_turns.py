"""Lets reports of one document, such as equal ones in a Bundle, take turns within a worker.

The first asks the model and stores the answer. The others find that in the document state and ask nothing;
together they would each ask, and fight over the document state. Other workers are kept apart by its version.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


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
