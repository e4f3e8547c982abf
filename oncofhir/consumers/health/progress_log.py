"""Logs once a minute how the worker fares: reports that ended since the last line, in flight, lag."""

import asyncio
from collections import Counter
from collections.abc import Mapping

import structlog

from oncofhir.consumers.health.status import WorkerStatus
from oncofhir.schemas.outcome import OutcomeStatus

INTERVAL_SECONDS = 60.0

log = structlog.get_logger(__name__)


class ProgressLog:
    """`outcomes` counts the reports that ended, by status. Belongs to the worker's event loop."""

    def __init__(
        self,
        status: WorkerStatus,
        outcomes: Mapping[str, int],
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._status = status
        self._outcomes = outcomes
        self._interval = interval_seconds
        self._logged: Counter[str] = Counter()

    async def run(self) -> None:
        """Log in each interval. Runs until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            self.log_once()

    def log_once(self) -> None:
        """Log the counts since the last line."""
        ended = Counter(self._outcomes)
        new = ended - self._logged
        self._logged = ended
        skipped = new[OutcomeStatus.SKIPPED]
        dead_lettered = new[OutcomeStatus.DEAD_LETTERED]
        lag = self._status.lag
        log.info(
            "progress",
            processed=new.total() - skipped - dead_lettered,
            skipped=skipped,
            dead_lettered=dead_lettered,
            in_flight=self._status.in_flight,
            lag=lag,
            unavailable=[dependency.value for dependency in self._status.open_circuits],
        )
