"""Repeats requests while a server is unavailable, as long as is allowed."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from oncofhir.schemas.backoff import Backoff
from oncofhir.schemas.errors import DependencyUnavailable

Result = TypeVar("Result")
_LONGEST = 60.0


class Patience:
    """How long an outage may last: `seconds` from its first failure on. Waits as `Retry-After` says.

    A server that never answered is not waited for unless it asks for that: its address may be wrong.
    """

    def __init__(
        self,
        seconds: float,
        *,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._backoff = backoff or Backoff(first=1.0, longest=_LONGEST, jitter=0.5)
        self._sleep = sleep
        self._clock = clock
        self._was_reached = False

    async def call(self, request: Callable[[], Awaitable[Result]]) -> Result:
        """Call until it succeeds.

        Raises:
            DependencyUnavailable: the outage lasts longer than is allowed.
        """
        began, attempt = self._clock(), 0
        while True:
            try:
                result = await request()
            except DependencyUnavailable as error:
                if not self._was_reached and error.retry_after is None:
                    raise
                attempt += 1
                wait = self._backoff.delay(attempt, random.random())  # noqa: S311 - no secret
                wait = max(wait, error.retry_after or 0.0)
                if self._clock() - began + wait > self._seconds:
                    raise
            else:
                self._was_reached = True
                return result
            await self._sleep(wait)
