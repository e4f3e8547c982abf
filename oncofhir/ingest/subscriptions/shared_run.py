"""Calls that want the same work done share one run of it."""

import asyncio
from collections.abc import Awaitable, Callable


class SharedRun:
    """Runs work so that each call is answered by a run that began after the call."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._called = 0
        self._done = 0

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Return when `work` was done since the call, by this call or by another. Raises what it raises."""
        self._called += 1
        number = self._called
        async with self._lock:
            if self._done >= number:
                return
            covered = self._called
            await work()
            self._done = covered
