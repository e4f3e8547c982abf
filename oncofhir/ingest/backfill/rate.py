"""Limits how many records a second are published."""

import asyncio
import contextlib
from collections.abc import Callable


class RateLimit:
    """Spaces records evenly: a pause does not allow a burst afterwards. `per_second` None: no limit."""

    def __init__(self, per_second: float | None, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._clock = clock
        self._due = 0.0

    def at_once(self, most: int) -> int:
        """Return how many records to publish and commit together: a second's, and `most` at most."""
        return most if self._per_second is None else max(1, min(most, int(self._per_second)))

    async def take(self, count: int, stop: asyncio.Event) -> None:
        """Wait until `count` more records may be published, or until `stop` is set."""
        if self._per_second is None:
            return
        now = self._clock()
        wait = self._due - now
        self._due = max(self._due, now) + count / self._per_second
        if wait > 0:
            await wait_for(stop, wait)


async def wait_for(stop: asyncio.Event, seconds: float) -> bool:
    """Wait some seconds, or until `stop` is set. Return whether it is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()
