"""One breaker a dependency: an outage pauses the stream instead of filling the dead letters.

    closed ──several documents fail, none succeeds──► open ──a probe succeeds──► half-open
       ▲                                               ▲                            │
       └──────────── a document succeeds ──────────────┼────────────────────────────┤
                                                       └──────one fails again───────┘

Open: partitions are paused and nothing is tried but the probe; what had begun before may still succeed
and close it. Half-open: the stream runs again and one of those that wait is tried. It may say nothing of
the dependency: its partition is revoked, its report is bad, needs no answer or finds a full queue. Then the
next one is tried, for nobody else may come. Where too few documents are there to open it, and these fail
again and again, the probe tells whether it is they or the dependency. Times are of the monotonic clock, in
seconds, and passed in.
"""

from enum import StrEnum

from oncofhir.consumers.processing.failure_policy import Dependency


class BreakerState(StrEnum):
    """See the module."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """Counts documents that fail in a row at one dependency."""

    def __init__(
        self, dependency: Dependency, *, threshold: int, first_delay: float, longest_delay: float
    ) -> None:
        self.dependency = dependency
        self.state = BreakerState.CLOSED
        self.last_success: float | None = None
        # When the probe is tried; half-open, when the next of those that wait is.
        self.next_probe_at: float | None = None
        self._threshold = threshold
        self._first_delay = first_delay
        self._longest_delay = longest_delay
        self._delay = first_delay
        self._failing: set[str] = set()
        self._in_a_row = 0

    @property
    def needs_probe(self) -> bool:
        """Closed, though few documents failed so often in a row that it may be the dependency."""
        return self.state is BreakerState.CLOSED and self._in_a_row >= self._threshold

    def record_failure(self, document: str, now: float) -> None:
        """A document failed at the dependency; the same one again counts once."""
        self._failing.add(document)
        self._in_a_row += 1
        if self.state is BreakerState.HALF_OPEN or (
            self.state is BreakerState.CLOSED and len(self._failing) >= self._threshold
        ):
            self._open(now)

    def record_success(self, now: float) -> bool:
        """A document succeeded; True when that closed the breaker."""
        self.last_success = now
        self._failing.clear()
        self._in_a_row = 0
        self._delay = self._first_delay
        self.next_probe_at = None
        was_closed = self.state is BreakerState.CLOSED
        self.state = BreakerState.CLOSED
        return not was_closed

    def record_probe(self, answered: bool, now: float) -> None:
        """The dependency was probed while open or in doubt."""
        if self.needs_probe:
            self._in_a_row = 0
            if not answered:
                self._open(now)
        elif self.state is not BreakerState.OPEN:
            return
        elif answered:
            self.state = BreakerState.HALF_OPEN
            self._failing.clear()
            self.next_probe_at = now + self._delay
        else:
            self._open(now)

    def admit_trial(self, now: float) -> None:
        """One of those that wait is tried while half-open; the next one when this is due."""
        if self.state is BreakerState.HALF_OPEN:
            self.next_probe_at = now + self._delay

    def _open(self, now: float) -> None:
        self.state = BreakerState.OPEN
        self._failing.clear()
        self.next_probe_at = now + self._delay
        self._delay = min(self._delay * 2, self._longest_delay)
