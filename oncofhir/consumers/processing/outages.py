"""Outages: which reports wait for which dependency, and the probes that end the waiting."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from oncofhir.consumers.processing.circuit_breaker import BreakerState, CircuitBreaker
from oncofhir.consumers.processing.failure_policy import (
    WITH_CIRCUIT_BREAKER,
    Dependency,
    PeerOutcomes,
    dependency_of,
)
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    UnsuitableServer,
)
from oncofhir.settings import RetrySettings, SettingsError

_SETTINGS_FAILURES = 5  # probes in a row that fail for a setting or secret file
_MAX_PROBE_JITTER_SECONDS = 0.1  # keeps workers from probing in step

log = structlog.get_logger(__name__)


# A health check costs a model server nothing, and a GPU that is back should not wait for work.
MODEL_PROBE_SECONDS = 3.0


def _longest_delays(settings: RetrySettings) -> dict[Dependency, float]:
    """Return the longest time between two probes of each dependency, in seconds."""
    longest = dict.fromkeys(WITH_CIRCUIT_BREAKER, settings.max_delay_seconds)
    longest[Dependency.MODEL] = min(settings.max_delay_seconds, MODEL_PROBE_SECONDS)
    return longest


class OutageMonitor:
    """The circuit breakers of all dependencies. Belongs to one event loop.

    Args:
        settings: threshold and delays.
        probe: raises DependencyUnavailable while model or store are unavailable.
        on_change: called when a circuit breaker opened or closed.
        halt: receives an error that no waiting will fix.
    """

    def __init__(
        self,
        settings: RetrySettings,
        *,
        probe: Callable[[], Awaitable[None]],
        on_change: Callable[[], None],
        halt: Callable[[OncofhirError | SettingsError], None],
    ) -> None:
        self._breakers = {
            dependency: CircuitBreaker(
                dependency,
                threshold=settings.circuit_breaker_threshold,
                first_delay=min(settings.initial_delay_seconds, longest),
                longest_delay=longest,
            )
            for dependency, longest in _longest_delays(settings).items()
        }
        self._probe = probe
        self._on_change = on_change
        self._halt = halt
        self._waiting: dict[Dependency, deque[asyncio.Future[None]]] = {
            d: deque() for d in WITH_CIRCUIT_BREAKER
        }
        self._settings_failures = 0
        self._wakeup = asyncio.Event()  # a circuit breaker has opened or needs a probe

    @property
    def open(self) -> tuple[Dependency, ...]:
        """The dependencies whose circuit breakers are open."""
        return tuple(d for d, b in self._breakers.items() if b.state is BreakerState.OPEN)

    @property
    def states(self) -> dict[Dependency, BreakerState]:
        return {dependency: breaker.state for dependency, breaker in self._breakers.items()}

    def record_failure(self, dependency: Dependency, document: str) -> None:
        """Record that a document failed at a dependency. One without a circuit breaker changes nothing."""
        breaker = self._breakers.get(dependency)
        if breaker is None:
            return
        was_open = breaker.state is BreakerState.OPEN
        breaker.record_failure(document, time.monotonic())
        if breaker.needs_probe:
            self._wakeup.set()
        elif not was_open:
            self._announce_if_open(breaker)

    def record_success(self, dependency: Dependency, begun_at: float | None = None) -> None:
        """Record that a document succeeded at a dependency, and when it was begun (monotonic seconds)."""
        if self._breakers[dependency].record_success(time.monotonic(), begun_at):
            log.info("circuit breaker closed", dependency=dependency.value)
            self._release(dependency, len(self._waiting[dependency]))
            self._on_change()

    def peer_outcomes(
        self, dependency: Dependency, since: float, failed_at: float | None = None
    ) -> PeerOutcomes:
        """Return how other reports fare with a dependency.

        `since`: the first attempt of the report that asks, `failed_at`: its first failure (monotonic
        seconds).
        """
        breaker = self._breakers.get(dependency)
        if breaker is None:
            return PeerOutcomes()
        success, served = breaker.last_success, breaker.last_served
        if (
            dependency is Dependency.UNKNOWN
        ):  # that the dependencies answer as expected is evidence enough
            success = max(filter(None, (success, breaker.last_cleared)), default=None)
        return PeerOutcomes(
            circuit_open=breaker.state is not BreakerState.CLOSED,
            succeeded=success is not None and success > since,
            served_since_failure=served is not None
            and failed_at is not None
            and served > failed_at,
        )

    async def wait(self, dependency: Dependency) -> None:
        """Wait for a trial with an unavailable dependency. Return at once when it is available."""
        breaker = self._breakers.get(dependency)
        if breaker is None or breaker.state is BreakerState.CLOSED:
            return
        trial = asyncio.get_running_loop().create_future()
        self._waiting[dependency].append(trial)
        await trial

    def on_report_finished(self) -> None:
        """Admit the next trial where a circuit breaker is still half-open: a report has ended."""
        for dependency, breaker in self._breakers.items():
            if breaker.state is BreakerState.HALF_OPEN:
                self._admit_trial(dependency)

    async def run(self) -> None:
        """Probe unavailable dependencies until they recover, and those in doubt. Runs until cancelled."""
        while True:
            due = [at for b in self._breakers.values() if (at := b.next_probe_at) is not None]
            jitter = random.uniform(0, _MAX_PROBE_JITTER_SECONDS)  # noqa: S311 - no secret
            delay = max(0.0, min(due) - time.monotonic()) + jitter if due else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wakeup.wait(), delay)
            self._wakeup.clear()
            self._admit_overdue_trials()
            to_probe = [b for b in self._breakers.values() if b.needs_probe or self._is_due(b)]
            if to_probe:
                await self._probe_dependencies(to_probe)

    def _announce_if_open(self, breaker: CircuitBreaker) -> None:
        if breaker.state is BreakerState.OPEN:
            log.warning("circuit breaker open", dependency=breaker.dependency.value)
            self._wakeup.set()
            self._on_change()

    @staticmethod
    def _is_due(breaker: CircuitBreaker, state: BreakerState = BreakerState.OPEN) -> bool:
        is_past = breaker.next_probe_at is not None and breaker.next_probe_at <= time.monotonic()
        return is_past and breaker.state is state

    async def _probe_dependencies(self, breakers: Sequence[CircuitBreaker]) -> None:
        missing: Dependency | None = None
        all_answer = True
        # 1. One probe asks model and store. The broker has none: the next message is its probe.
        if any(breaker.dependency is not Dependency.BROKER for breaker in breakers):
            try:
                all_answer, missing = await self._ask()
            except (AccessDenied, UnsuitableServer, SettingsError) as error:
                self._halt(error)
                return
        # 2. Of several breakers that need it, a failed probe is evidence only about the one that it names.
        for breaker in breakers:
            answers = all_answer or breaker.dependency is Dependency.BROKER
            if breaker.needs_probe:
                if answers or breaker.dependency is missing:
                    breaker.record_probe(answers, time.monotonic())
                    self._announce_if_open(breaker)
            elif breaker.state is BreakerState.OPEN:
                breaker.record_probe(answers, time.monotonic())
                if answers:
                    log.info("circuit breaker half-open", dependency=breaker.dependency.value)
                    self._admit_trial(breaker.dependency)
        self._on_change()

    async def _ask(self) -> tuple[bool, Dependency | None]:
        """Probe model and store. Return whether both answer, and the one that does not, if it is known.

        Raises:
            AccessDenied, UnsuitableServer: waiting does not help.
            SettingsError: a secret file could not be used for several probes.
        """
        try:
            await self._probe()
        except (AccessDenied, UnsuitableServer):
            raise
        except DependencyUnavailable as error:
            log.info(
                "dependency still unavailable",
                reason=error.reason.value,
                address=error.location,
                detail=error.detail,
            )
            return False, dependency_of(error)
        except SettingsError as error:  # the file may be exchanged this very moment
            self._settings_failures += 1
            log.warning("probe failed", reason="settings", detail=str(error))
            if self._settings_failures >= _SETTINGS_FAILURES:
                raise
            return False, None
        except Exception as error:  # noqa: BLE001 - a bug must not end this loop
            log.warning("probe failed", error=type(error).__name__)
            return False, None
        self._settings_failures = 0
        return True, None

    def _admit_overdue_trials(self) -> None:
        """Admit the next trial where the last one has given no evidence for too long."""
        for dependency, breaker in self._breakers.items():
            if self._is_due(breaker, BreakerState.HALF_OPEN):
                self._admit_trial(dependency)

    def _admit_trial(self, dependency: Dependency) -> None:
        self._breakers[dependency].admit_trial(time.monotonic())
        self._release(dependency, 1)

    def _release(self, dependency: Dependency, limit: int) -> None:
        waiting = self._waiting[dependency]
        while waiting and limit > 0:
            trial = waiting.popleft()
            if not trial.done():  # cancelled with its partition
                trial.set_result(None)
                limit -= 1
