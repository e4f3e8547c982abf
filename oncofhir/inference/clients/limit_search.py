"""Finds the number of requests in flight at which a model server is fastest. Pure: no clock, no I/O.

A batching server is faster with more requests in flight, up to a point that it does not report. Beyond it
requests queue at the server, prefixes are evicted from its cache and requests take longer. What a server
does report may be there at rest: TGI's `x-queue-time` is an eighth of a request's time at every load, for a
request waits for the step under way. So the throughput itself is measured, in rounds at one level each.
The limit is the smallest level within `TOLERANCE` of the best one. Its neighbours are measured again now and
then, for the load and the server change. Where the rate of a level has changed by `CHANGE`, as when another
worker comes or goes, all levels are measured anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass

FIRST = 4
ANSWERS_PER_ROUND, ANSWERS_PER_REQUEST = 32, 4  # answers in a round: at least; times the level
TOLERANCE = 0.005
ROUNDS_BETWEEN_PROBES = 12
MEMORY = 0.5  # weight of a level's earlier rounds
CHANGE = 0.4  # a rate that differs by more is that of another load
HOLD_SECONDS, LONGEST_HOLD_SECONDS = 10.0, 40.0  # how long a refused level is not tried again
QUEUE_STEPS = 6.0  # a queue of so many steps is one: a request at rest waits for one or two
TIMEOUT_SHARE = 0.5


def levels(bound: int) -> tuple[int, ...]:
    """Return the levels up to the bound: 1, 2, 3, 4, 6, 8, 12, 16, 24, 32 and so on."""
    return tuple(sorted({bound, *(level for level in _steps() if level < bound)}))


def _steps() -> Iterator[int]:
    power = 1
    for _ in range(16):
        yield from (power, power * 3 // 2)
        power *= 2


@dataclass
class _Level:
    """Answers per second at a level, the round when it was measured, whether requests queued."""

    rate: float
    measured_in: int
    is_full: bool


class LimitSearch:
    """Chooses the limit of one server. Times are seconds of any one clock."""

    def __init__(self, bound: int) -> None:
        self._levels = levels(bound)
        self._at = max(i for i, level in enumerate(self._levels) if level <= max(FIRST, 1))
        self._measured: dict[int, _Level] = {}
        self._round = 0
        self._ceiling = len(self._levels) - 1
        self._ceiling_until = 0.0
        self._hold = HOLD_SECONDS
        self._changed_at = -1.0
        self._began: float | None = None
        self._skipped = self._answers = self._queued = 0

    @property
    def limit(self) -> int:
        """Requests allowed in flight."""
        return self._levels[self._at]

    def answered(self, now: float, sent_at: float, *, is_used: bool, has_queued: bool) -> None:
        """Count an answer. `is_used`: the limit was reached. `has_queued`: the server's queue was long."""
        if not is_used:
            self._restart()  # with fewer requests than the limit allows, a rate says nothing of it
            return
        if sent_at < self._changed_at:
            return  # sent under the earlier limit
        if self._began is None:
            self._skipped += 1
            if self._skipped >= self.limit:
                self._began = now
            return
        self._answers += 1
        self._queued += has_queued
        if self._answers >= max(ANSWERS_PER_ROUND, ANSWERS_PER_REQUEST * self.limit):
            self._end_round(now, self._answers / max(now - self._began, 1e-9))

    def refused(self, now: float, sent_at: float) -> None:
        """Step down a level: a request was answered 429. A level that is refused again is held longer."""
        if sent_at < self._changed_at:
            return
        if now >= self._ceiling_until > 0:
            self._hold = min(self._hold * 2, LONGEST_HOLD_SECONDS)
        self._ceiling = max(0, self._at - 1)
        self._ceiling_until = now + self._hold
        self._measured = {at: m for at, m in self._measured.items() if at <= self._ceiling}
        self._move(self._ceiling, now)

    def timed_out(self, now: float, sent_at: float) -> None:
        """Halve the limit: so many requests take longer than one may take."""
        if sent_at < self._changed_at:
            return
        self._measured.clear()
        self._move(self._below(int(self.limit * TIMEOUT_SHARE) + 1), now)

    def _below(self, requests: int) -> int:
        return max((i for i, level in enumerate(self._levels) if level < requests), default=0)

    def _end_round(self, now: float, rate: float) -> None:
        self._round += 1
        before = self._measured.get(self._at)
        if before is not None and abs(rate - before.rate) > CHANGE * before.rate:
            self._measured.clear()  # the server has more to do, or less: for other workers, perhaps
        elif before is not None:
            rate = MEMORY * before.rate + (1 - MEMORY) * rate
        is_full = 2 * self._queued > self._answers
        self._measured[self._at] = _Level(rate, self._round, is_full)
        if now >= self._ceiling_until:
            if self._at > self._ceiling:
                self._hold = HOLD_SECONDS  # what was refused is served now
            self._ceiling = len(self._levels) - 1
        self._move(self._next(), now)

    def _next(self) -> int:
        """Return the best level, or a neighbour of it that is to be measured."""
        highest = max(m.rate for m in self._measured.values())
        best = min(i for i, m in self._measured.items() if m.rate >= highest * (1 - TOLERANCE))
        for neighbour in (best + 1, best - 1):
            if not 0 <= neighbour <= self._ceiling:
                continue
            if neighbour > best and self._measured[best].is_full:
                continue
            known = self._measured.get(neighbour)
            if known is None or self._round - known.measured_in > ROUNDS_BETWEEN_PROBES:
                return neighbour
        return best

    def _move(self, at: int, now: float) -> None:
        if at != self._at:
            self._at = at
            self._changed_at = now
        self._restart()
        # what was measured long ago was measured under another load
        oldest = self._round - 2 * ROUNDS_BETWEEN_PROBES
        self._measured = {i: m for i, m in self._measured.items() if m.measured_in >= oldest}

    def _restart(self) -> None:
        self._began = None
        self._skipped = self._answers = self._queued = 0
