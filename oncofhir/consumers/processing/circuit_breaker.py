"""One circuit breaker per dependency: an outage pauses the stream instead of filling the dead-letter topic.

    closed ──several documents fail, none succeeds──► open ──a probe succeeds──► half-open
       ▲                                               ▲                            │
       └──────────── a document succeeds ──────────────┼────────────────────────────┤
                                                       └──────one fails again───────┘

Open: partitions are paused and only the probe is tried. Reports that began before may still succeed and close
it. Half-open: the stream runs again and one of the waiting reports is tried, the trial. A trial may end
without evidence about the dependency: its partition is revoked, its report is unreadable, needs no answer
or finds a full queue. Then the next one is admitted. Where too few documents are there to open the breaker,
and these fail again and again, the probe shows whether the fault is theirs or the
dependency's. Times are seconds of the monotonic clock and passed in. Pure.
"""

from enum import StrEnum

from oncofhir.consumers.processing.failure_policy import Dependency
from oncofhir.schemas.backoff import Backoff


class BreakerState(StrEnum):
    """See the module."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """Counts documents that fail in a row at one dependency.

    `last_success` is when a document last succeeded, `last_served` the latest begin of one that succeeded,
    `last_cleared` when a probe succeeded that a few failing documents had raised, `next_probe_at` when the
    probe is tried next, or, half-open, when the next trial is admitted.
    """

    def __init__(
        self, dependency: Dependency, *, threshold: int, first_delay: float, longest_delay: float
    ) -> None:
        self.dependency = dependency
        self.state = BreakerState.CLOSED
        self.last_success: float | None = None
        self.last_served: float | None = None
        self.last_cleared: float | None = None
        self.next_probe_at: float | None = None
        self._threshold = threshold
        self._backoff = Backoff(first_delay, longest_delay)
        self._opened = 0
        self._failing: set[str] = set()
        self._in_a_row = 0

    @property
    def needs_probe(self) -> bool:
        """Closed, although few documents failed so often in a row that it may be the dependency."""
        return self.state is BreakerState.CLOSED and self._in_a_row >= self._threshold

    def record_failure(self, document: str, now: float) -> None:
        """Record that a document failed at the dependency. The same document counts once."""
        self._failing.add(document)
        self._in_a_row += 1
        if self.state is BreakerState.HALF_OPEN or (
            self.state is BreakerState.CLOSED and len(self._failing) >= self._threshold
        ):
            self._open(now)

    def record_success(self, now: float, begun_at: float | None = None) -> bool:
        """Record that a document, begun at a time, succeeded. Return True when that closed the breaker."""
        self.last_success = now
        begun = now if begun_at is None else begun_at
        self.last_served = begun if self.last_served is None else max(begun, self.last_served)
        self._failing.clear()
        self._in_a_row = 0
        self._opened = 0
        self.next_probe_at = None
        was_closed = self.state is BreakerState.CLOSED
        self.state = BreakerState.CLOSED
        return not was_closed

    def record_probe(self, answered: bool, now: float) -> None:
        """Record the result of a probe, tried while open or in doubt."""
        if self.needs_probe:
            self._in_a_row = 0
            if answered:
                self.last_cleared = now
            else:
                self._open(now)
        elif self.state is not BreakerState.OPEN:
            return
        elif answered:
            self.state = BreakerState.HALF_OPEN
            self._failing.clear()
            self.next_probe_at = now + self._backoff.delay(self._opened + 1)
        else:
            self._open(now)

    def admit_trial(self, now: float) -> None:
        """Note that a waiting report is tried while half-open. The next one is admitted after the delay."""
        if self.state is BreakerState.HALF_OPEN:
            self.next_probe_at = now + self._backoff.delay(self._opened + 1)

    def _open(self, now: float) -> None:
        self.state = BreakerState.OPEN
        self._failing.clear()
        self._opened += 1
        self.next_probe_at = now + self._backoff.delay(self._opened)
