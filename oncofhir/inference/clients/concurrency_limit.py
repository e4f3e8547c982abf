"""How many requests a model server is sent at a time: as many as it bears, never more than the bound.

A batching server works fastest with a full batch and a short queue, and says neither how large its batch
is nor (but for TGI's `x-queue-time`) how long its queue. So the limit is found: it grows while requests
wait for it and the server answers at once, shrinks when answers have queued or slowed, and steps back
from a 429, below which it stays for a while. Additive growth and multiplicative decrease let several
workers share a server fairly (Chiu and Jain, 1989, Computer Networks and ISDN Systems 17).
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from oncofhir.inference.clients.client import Completion

FIRST = 8
SHORT_QUEUE, LONG_QUEUE = 0.1, 0.3  # shares of a request's time: grow below, shrink above
SLOW = 4.0  # times the fastest answer of late; for servers that do not tell their queue
FORGET = 1.02  # the fastest answer ages by this with every answer
AFTER_QUEUE, AFTER_REFUSAL = 0.9, 0.9  # what is left of the limit
HOLD_SECONDS = 10.0  # how long a limit that was refused is not tried again

_Line = deque[asyncio.Future[None]]


@dataclass(frozen=True)
class Permit:
    """One request's place: when it was sent, and how many were under way with it."""

    began: float
    in_flight: int


class AdaptiveLimit:
    """The limit of one server; belongs to one event loop. Times are seconds of `clock`."""

    def __init__(self, bound: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._bound = bound
        self._clock = clock
        self._limit = float(min(FIRST, bound))
        self._doubling = True
        self._ceiling = float(bound)
        self._ceiling_until = 0.0
        self._lowered_at = -1.0
        self._fastest: float | None = None
        self._in_flight = 0
        self._waiting: tuple[_Line, _Line] = (deque(), deque())

    @property
    def limit(self) -> int:
        """Requests allowed at a time, now."""
        return max(1, int(self._limit))

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return self._in_flight

    @property
    def load(self) -> int:
        """Requests under way or waiting for their turn."""
        return self._in_flight + sum(map(len, self._waiting))

    @asynccontextmanager
    async def permit(self, *, first: bool = False) -> AsyncIterator[Permit]:
        """A place among the requests under way, in order of asking; those that are `first` before others."""
        if any(self._waiting) or self._in_flight >= self.limit:
            turn = asyncio.get_running_loop().create_future()
            line = self._waiting[0 if first else 1]
            line.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._gave_up(turn, line)
                raise
        else:
            self._in_flight += 1
        try:
            yield Permit(self._clock(), self._in_flight)
        finally:
            self._in_flight -= 1
            self._admit()

    def answered(self, permit: Permit, completion: Completion) -> None:
        """A request was answered; `queue_seconds` is what it waited at the server, if that was told."""
        queue_seconds = completion.queue_seconds
        seconds = max(self._clock() - permit.began, 1e-6)
        if self._congested(seconds, queue_seconds):
            self._lower(permit, AFTER_QUEUE)
        elif permit.in_flight >= self.limit and self._at_once(seconds, queue_seconds):
            self._raise()

    def refused(self, permit: Permit) -> None:
        """A request was answered 429."""
        if permit.began >= self._lowered_at:
            self._ceiling = max(1.0, min(self._ceiling, permit.in_flight - 1.0))
            self._ceiling_until = self._clock() + HOLD_SECONDS
        self._lower(permit, AFTER_REFUSAL)

    def _congested(self, seconds: float, queued: float | None) -> bool:
        if queued is not None:
            return queued > LONG_QUEUE * seconds
        self._fastest = min(seconds, (self._fastest or seconds) * FORGET)
        return seconds > SLOW * self._fastest

    @staticmethod
    def _at_once(seconds: float, queued: float | None) -> bool:
        return queued is None or queued < SHORT_QUEUE * seconds

    def _raise(self) -> None:
        if self._clock() >= self._ceiling_until:
            self._ceiling = float(self._bound)
        step = 1.0 if self._doubling else 1.0 / self._limit
        self._limit = min(self._limit + step, self._ceiling)
        self._admit()

    def _lower(self, permit: Permit, share: float) -> None:
        self._doubling = False
        if permit.began < self._lowered_at:
            return  # sent before the limit was lowered: it says nothing of the limit that holds now
        self._lowered_at = self._clock()
        self._limit = max(1.0, min(self._limit, permit.in_flight) * share)

    def _admit(self) -> None:
        while self._in_flight < self.limit and (line := self._waiting[0] or self._waiting[1]):
            turn = line.popleft()
            if not turn.done():
                self._in_flight += 1
                turn.set_result(None)

    def _gave_up(self, turn: asyncio.Future[None], line: _Line) -> None:
        if turn.done() and not turn.cancelled():
            self._in_flight -= 1
            self._admit()
        else:
            line.remove(turn)
