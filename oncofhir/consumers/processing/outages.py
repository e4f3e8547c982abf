"""Outages: who waits for which dependency, and the probe that ends the waiting."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from oncofhir.consumers.processing.circuit_breaker import BreakerState, CircuitBreaker
from oncofhir.consumers.processing.failure_policy import Dependency, PeerOutcomes, dependency_of
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    UnsuitableServer,
)
from oncofhir.settings import RetrySettings

log = structlog.get_logger(__name__)


class OutageMonitor:
    """The breakers of all dependencies; belongs to one event loop.

    Args:
        settings: threshold and delays.
        probe: raises DependencyUnavailable while model or store do not answer.
        changed: called when a breaker opened or closed.
        halt: told of an error that no waiting will mend.
    """

    def __init__(
        self,
        settings: RetrySettings,
        *,
        probe: Callable[[], Awaitable[None]],
        on_change: Callable[[], None],
        halt: Callable[[OncofhirError], None],
    ) -> None:
        self._breakers = {
            dependency: CircuitBreaker(
                dependency,
                threshold=settings.circuit_breaker_threshold,
                first_delay=settings.initial_delay_seconds,
                longest_delay=settings.max_delay_seconds,
            )
            for dependency in Dependency
        }
        self._probe = probe
        self._on_change = on_change
        self._halt = halt
        self._waiting: dict[Dependency, deque[asyncio.Future[None]]] = {
            d: deque() for d in Dependency
        }
        self._wakeup = asyncio.Event()  # a breaker has opened or is in doubt

    @property
    def open(self) -> tuple[Dependency, ...]:
        """The dependencies whose breakers are open."""
        return tuple(d for d, b in self._breakers.items() if b.state is BreakerState.OPEN)

    @property
    def states(self) -> dict[Dependency, BreakerState]:
        return {dependency: breaker.state for dependency, breaker in self._breakers.items()}

    def record_failure(self, dependency: Dependency, document: str) -> None:
        """A document failed at a dependency."""
        breaker = self._breakers[dependency]
        was_open = breaker.state is BreakerState.OPEN
        breaker.record_failure(document, time.monotonic())
        if breaker.needs_probe:
            self._wakeup.set()
        elif not was_open:
            self._announce_if_open(breaker)

    def _announce_if_open(self, breaker: CircuitBreaker) -> None:
        if breaker.state is BreakerState.OPEN:
            log.warning("breaker open", dependency=breaker.dependency.value)
            self._wakeup.set()
            self._on_change()

    def record_success(self, dependency: Dependency) -> None:
        """A document succeeded at a dependency."""
        if self._breakers[dependency].record_success(time.monotonic()):
            log.info("breaker closed", dependency=dependency.value)
            self._release(dependency, len(self._waiting[dependency]))
            self._on_change()

    def peer_outcomes(self, dependency: Dependency, since: float) -> PeerOutcomes:
        """How others have fared with a dependency since a time of the monotonic clock."""
        breaker = self._breakers[dependency]
        return PeerOutcomes(
            circuit_open=breaker.state is not BreakerState.CLOSED,
            succeeded=breaker.last_success is not None and breaker.last_success > since,
        )

    async def wait(self, dependency: Dependency) -> None:
        """Wait for a turn with a dependency that is out; returns at once when it is not."""
        if self._breakers[dependency].state is BreakerState.CLOSED:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[dependency].append(turn)
        await turn

    def on_report_finished(self) -> None:
        """A report came to its end, whatever that was: where still half-open, the next is tried."""
        for dependency, breaker in self._breakers.items():
            if breaker.state is BreakerState.HALF_OPEN:
                self._admit_trial(dependency)

    async def run(self) -> None:
        """Probe what is out until it is back, and what is in doubt; runs until cancelled."""
        while True:
            due = [
                breaker.next_probe_at
                for breaker in self._breakers.values()
                if breaker.next_probe_at is not None
            ]
            jitter = random.uniform(0, 0.1)  # noqa: S311 - keeps workers from probing in step
            delay = max(0.0, min(due) - time.monotonic()) + jitter if due else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wakeup.wait(), delay)
            self._wakeup.clear()
            self._admit_overdue_trials()
            asked_about = [b for b in self._breakers.values() if b.needs_probe or self._is_due(b)]
            if asked_about:
                await self._probe_dependencies(asked_about)

    @staticmethod
    def _is_due(breaker: CircuitBreaker, state: BreakerState = BreakerState.OPEN) -> bool:
        is_past = breaker.next_probe_at is not None and breaker.next_probe_at <= time.monotonic()
        return is_past and breaker.state is state

    async def _probe_dependencies(self, breakers: Sequence[CircuitBreaker]) -> None:
        missing: Dependency | None = None
        all_answer = True
        if any(breaker.dependency is not Dependency.BROKER for breaker in breakers):
            try:
                await self._probe()
            except (AccessDenied, UnsuitableServer) as error:
                self._halt(error)
                return
            except DependencyUnavailable as error:
                all_answer, missing = False, dependency_of(error)
                log.info("still out", reason=error.reason.value, address=error.location)
            except Exception as error:  # noqa: BLE001 - a fault of ours must not end the watch
                all_answer = False
                log.warning("probe failed", error=type(error).__name__)
        for breaker in breakers:
            # The broker has no probe: the next message is one. Of what is out, the unknown stays so.
            answers = all_answer or breaker.dependency is Dependency.BROKER
            if breaker.needs_probe:
                if answers or breaker.dependency is missing:
                    breaker.record_probe(answers, time.monotonic())
                    self._announce_if_open(breaker)
            elif breaker.state is BreakerState.OPEN:
                breaker.record_probe(answers, time.monotonic())
                if answers:
                    log.info("breaker half-open", dependency=breaker.dependency.value)
                    self._admit_trial(breaker.dependency)
        self._on_change()

    def _admit_overdue_trials(self) -> None:
        """What was let go on has said nothing for so long: it may have ended without a word."""
        for dependency, breaker in self._breakers.items():
            if self._is_due(breaker, BreakerState.HALF_OPEN):
                self._admit_trial(dependency)

    def _admit_trial(self, dependency: Dependency) -> None:
        self._breakers[dependency].admit_trial(time.monotonic())
        self._release(dependency, 1)

    def _release(self, dependency: Dependency, most: int) -> None:
        waiting = self._waiting[dependency]
        while waiting and most > 0:
            turn = waiting.popleft()
            if not turn.done():  # cancelled with its partition
                turn.set_result(None)
                most -= 1
