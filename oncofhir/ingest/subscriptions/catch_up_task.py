"""Watches the Subscriptions: missing event numbers, and reports of which no notification arrived."""

import asyncio
import time
from collections.abc import Callable, Iterable

import structlog

from oncofhir.ingest.subscriptions.catch_up import CatchUp
from oncofhir.ingest.subscriptions.state import SubscriptionState
from oncofhir.schemas.errors import OncofhirError
from oncofhir.telemetry import ingest_metrics as m
from oncofhir.telemetry.logging import described
from oncofhir.telemetry.registry import Metrics

_TICK_SECONDS = 0.5
_RETRY_SECONDS = 15.0
_AT_A_TIME = 200  # events asked for in one request

log = structlog.get_logger(__name__)


class CatchUpTask:
    """Asks for missing events after `gap_seconds`, and each `interval_seconds` for the count or changes."""

    def __init__(
        self,
        states: Iterable[SubscriptionState],
        catch_up: CatchUp,
        metrics: Metrics,
        *,
        gap_seconds: float,
        interval_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watched = [_Watched(state) for state in states]
        self._catch_up = catch_up
        self._metrics = metrics
        self._gap = gap_seconds
        self._interval = interval_seconds
        self._clock = clock

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            for watched in self._watched:
                await self._look_after(watched)
            await asyncio.sleep(_TICK_SECONDS)

    async def _look_after(self, watched: "_Watched") -> None:
        state, now = watched.state, self._clock()
        try:
            if now >= watched.next_check:
                watched.next_check = now + self._interval
                if not await self._catch_up.count_events(state):
                    await self._catch_up.search(state)
            if now >= watched.next_try:
                await self._close_gaps(watched, now)
        except OncofhirError as error:
            watched.next_check = min(watched.next_check, now + _RETRY_SECONDS)
            watched.next_try = now + _RETRY_SECONDS
            self._metrics.count(m.CATCH_UP_FAILURES, state.name, error.reason.value)
            log.warning(
                "catching up failed",
                subscription=state.name,
                reason=error.reason.value,
                at=error.location,
                detail=error.detail,
                retry_seconds=_RETRY_SECONDS,
            )
        except Exception as error:  # noqa: BLE001 - an internal error must not end the watch
            watched.next_try = watched.next_check = now + self._interval
            log.error("catching up failed", subscription=state.name, **described(error))  # noqa: TRY400

    async def _close_gaps(self, watched: "_Watched", now: float) -> None:
        """Ask for the lowest missing numbers once they are missing for long enough."""
        state = watched.state
        gap = next(state.numbers.missing(), None)
        missing = sum(map(len, state.numbers.missing()))
        self._metrics.set(m.EVENTS_MISSING, missing, state.name)
        if gap is None or gap.start != watched.missing:
            watched.missing, watched.missing_since = (gap.start if gap else None), now
        if gap is None or now - watched.missing_since < self._gap:
            return
        asked = gap[:_AT_A_TIME]
        log.warning(
            "events did not arrive",
            subscription=state.name,
            first=asked.start,
            last=asked.stop - 1,
        )
        highest = state.numbers.highest
        found = await self._catch_up.publish_events(state, asked)
        if found is None:
            await self._catch_up.search(state)
            # One search finds the reports of all numbers that were known before it.
            self._close(state, range(asked.start, highest + 1), "searched")
            return
        state.numbers.add(found)
        self._metrics.count(m.MISSING_EVENTS, state.name, "recovered", by=len(found))
        if not found:
            self._close(state, asked, "lost")

    def _close(self, state: SubscriptionState, numbers: range, outcome: str) -> None:
        count = state.numbers.give_up(numbers)
        self._metrics.count(m.MISSING_EVENTS, state.name, outcome, by=count)
        log.warning("missing events closed", subscription=state.name, outcome=outcome, events=count)


class _Watched:
    """When a Subscription is looked at next; times are of the clock, in seconds."""

    def __init__(self, state: SubscriptionState) -> None:
        self.state = state
        self.next_check = 0.0
        self.next_try = 0.0
        self.missing: int | None = None
        self.missing_since = 0.0
