"""Outages: who waits for which dependency, and the probe that ends the waiting."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from oncofhir.consumers.breaker import Breaker, BreakerState
from oncofhir.consumers.fates import Dependency, Others, dependency_of
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    UnsuitableServer,
)
from oncofhir.settings import RetrySettings

log = structlog.get_logger(__name__)


class Outages:
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
        changed: Callable[[], None],
        halt: Callable[[OncofhirError], None],
    ) -> None:
        self._breakers = {
            dependency: Breaker(
                dependency,
                threshold=settings.breaker_threshold,
                first_delay=settings.first_delay_seconds,
                longest_delay=settings.longest_delay_seconds,
            )
            for dependency in Dependency
        }
        self._probe = probe
        self._changed = changed
        self._halt = halt
        self._waiting: dict[Dependency, deque[asyncio.Future[None]]] = {
            d: deque() for d in Dependency
        }
        self._opened = asyncio.Event()

    @property
    def open(self) -> tuple[Dependency, ...]:
        """The dependencies whose breakers are open."""
        return tuple(d for d, b in self._breakers.items() if b.state is BreakerState.OPEN)

    @property
    def states(self) -> dict[Dependency, BreakerState]:
        return {dependency: breaker.state for dependency, breaker in self._breakers.items()}

    def failed(self, dependency: Dependency, document: str) -> None:
        """A document failed at a dependency."""
        breaker = self._breakers[dependency]
        was = breaker.state
        breaker.failed(document, time.monotonic())
        if breaker.state is BreakerState.OPEN and was is not BreakerState.OPEN:
            log.warning("breaker open", dependency=dependency.value)
            self._opened.set()
            self._changed()

    def succeeded(self, dependency: Dependency) -> None:
        """A document succeeded at a dependency."""
        if self._breakers[dependency].succeeded(time.monotonic()):
            log.info("breaker closed", dependency=dependency.value)
            self._release(dependency, len(self._waiting[dependency]))
            self._changed()

    def others(self, dependency: Dependency, since: float) -> Others:
        """How others have fared with a dependency since a time of the monotonic clock."""
        breaker = self._breakers[dependency]
        return Others(
            blocked=breaker.state is not BreakerState.CLOSED,
            succeeded=breaker.last_success is not None and breaker.last_success > since,
        )

    async def wait(self, dependency: Dependency) -> None:
        """Wait for a turn with a dependency that is out; returns at once when it is not."""
        if self._breakers[dependency].state is BreakerState.CLOSED:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[dependency].append(turn)
        await turn

    def ended(self) -> None:
        """A report came to its end, whatever that was: where still half-open, the next is tried."""
        for dependency, breaker in self._breakers.items():
            if breaker.state is BreakerState.HALF_OPEN:
                self._let_one_go_on(dependency)

    async def watch(self) -> None:
        """Probe what is out until it is back; runs until cancelled."""
        while True:
            await self._opened.wait()
            due = [breaker.due for breaker in self._breakers.values() if breaker.due is not None]
            if not due:
                self._opened.clear()
                continue
            jitter = random.uniform(0, 0.1)  # noqa: S311 - keeps workers from probing in step
            await asyncio.sleep(max(0.0, min(due) - time.monotonic()) + jitter)
            self._let_the_due_go_on()
            if self.open:
                await self._probe_open()

    async def _probe_open(self) -> None:
        missing: Dependency | None = None
        all_answer = True
        if set(self.open) - {Dependency.BROKER}:
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
        for dependency in self.open:
            # The broker has no probe: the next message is one. What is unknown counts as out.
            answers = dependency is Dependency.BROKER or (all_answer and dependency is not missing)
            self._breakers[dependency].probed(answers, time.monotonic())
            if answers:
                log.info("breaker half-open", dependency=dependency.value)
                self._let_one_go_on(dependency)
        self._changed()

    def _let_the_due_go_on(self) -> None:
        """What was let go on has said nothing for so long: it may have ended without a word."""
        for dependency, breaker in self._breakers.items():
            is_half_open = breaker.state is BreakerState.HALF_OPEN
            if is_half_open and breaker.due is not None and breaker.due <= time.monotonic():
                self._let_one_go_on(dependency)

    def _let_one_go_on(self, dependency: Dependency) -> None:
        self._breakers[dependency].let_go_on(time.monotonic())
        self._release(dependency, 1)

    def _release(self, dependency: Dependency, most: int) -> None:
        waiting = self._waiting[dependency]
        while waiting and most > 0:
            turn = waiting.popleft()
            if not turn.done():  # cancelled with its partition
                turn.set_result(None)
                most -= 1
