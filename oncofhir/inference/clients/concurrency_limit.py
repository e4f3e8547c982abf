"""Limits the requests in flight at a model server to the number at which it is fastest.

`limit_search` finds the number. Requests beyond it wait here, where those that find their prefix in the
server's cache go before others.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from oncofhir.inference.clients.client import Completion
from oncofhir.inference.clients.limit_search import QUEUE_STEPS, LimitSearch

_WaitQueue = deque[asyncio.Future[None]]


@dataclass(frozen=True)
class Permit:
    """A request's permit: when it was sent, and how many were in flight with it."""

    began: float
    in_flight: int


class AdaptiveLimit:
    """The limit of one server; belongs to one event loop. Times are seconds of `clock`."""

    def __init__(self, bound: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._search = LimitSearch(bound)
        self._clock = clock
        self._in_flight = 0
        self._waiting: tuple[_WaitQueue, _WaitQueue] = (deque(), deque())

    @property
    def limit(self) -> int:
        """Requests allowed in flight, now."""
        return self._search.limit

    @property
    def in_flight(self) -> int:
        """Requests in flight."""
        return self._in_flight

    @property
    def load(self) -> int:
        """Requests in flight or waiting."""
        return self._in_flight + sum(map(len, self._waiting))

    @asynccontextmanager
    async def permit(self, *, first: bool = False) -> AsyncIterator[Permit]:
        """Wait for a permit, in order of arrival; requests that are `first` go before others."""
        if any(self._waiting) or self._in_flight >= self.limit:
            turn = asyncio.get_running_loop().create_future()
            queue = self._waiting[0 if first else 1]
            queue.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._give_up(turn, queue)
                raise
        else:
            self._in_flight += 1
        try:
            yield Permit(self._clock(), self._in_flight)
        finally:
            self._in_flight -= 1
            self._admit()

    def answered(self, permit: Permit, completion: Completion) -> None:
        """Count an answer."""
        queued, step = completion.queue_seconds, completion.step_seconds
        self._search.answered(
            self._clock(),
            permit.began,
            is_used=self._in_flight >= self.limit,
            has_queued=bool(queued and step and queued > QUEUE_STEPS * step),
        )
        self._admit()

    def refused(self, permit: Permit) -> None:
        """Lower the limit: a request was answered 429."""
        self._search.refused(self._clock(), permit.began)

    def timed_out(self, permit: Permit) -> None:
        """Lower the limit: a request was not answered in time."""
        self._search.timed_out(self._clock(), permit.began)

    def _admit(self) -> None:
        while self._in_flight < self.limit and (queue := self._waiting[0] or self._waiting[1]):
            turn = queue.popleft()
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)

    def _give_up(self, turn: asyncio.Future[None], queue: _WaitQueue) -> None:
        if turn.done() and not turn.cancelled():
            self._in_flight -= 1
            self._admit()
        else:
            with suppress(ValueError):  # another one that ended has passed it over already
                queue.remove(turn)
