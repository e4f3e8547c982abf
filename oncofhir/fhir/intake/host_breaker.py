"""A circuit breaker per attachment host: one that does not answer is left alone for a while.

Without it each report that names the host would wait for its timeouts, and hold a place that other reports
need. The source's own server has the worker's breaker of the store; these pause no stream.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from oncofhir.schemas.backoff import Backoff
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason

THRESHOLD = 3  # failures in a row
_REMEMBERED_SECONDS = 600.0  # of a host that no report asks for any more
_PAUSES = Backoff(first=2.0, longest=60.0)

Result = TypeVar("Result")
log = structlog.get_logger(__name__)


@dataclass
class _Host:
    failures: int = 0
    openings: int = 0
    closed_until: float = 0.0  # no request before
    failed_at: float = 0.0
    on_trial: bool = False


class HostBreakers:
    """The hosts of attachments that failed, by origin. Belongs to one event loop.

    After `THRESHOLD` failures in a row a host gets no request for a pause that grows from 2 to 60 seconds,
    then one as a trial. `clock` is in monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._hosts: dict[str, _Host] = {}

    @property
    def open(self) -> tuple[str, ...]:
        """The origins whose circuit breakers are open, unless no report has named them for ten minutes."""
        since = self._clock() - _REMEMBERED_SECONDS
        return tuple(
            sorted(
                origin
                for origin, host in self._hosts.items()
                if host.failures >= THRESHOLD and host.failed_at > since
            )
        )

    async def call(self, origin: str, request: Callable[[], Awaitable[Result]]) -> Result:
        """Send a request to a host.

        Raises:
            DependencyUnavailable: attachment-host-unavailable: nothing was sent, and `retry_after` says when
                the next trial is due; or what `request` raises.
        """
        host = self._hosts.setdefault(origin, _Host())
        left = host.closed_until - self._clock()
        if left > 0 or host.on_trial:
            raise DependencyUnavailable(
                Reason.ATTACHMENT_HOST_UNAVAILABLE,
                origin,
                "its circuit breaker is open: it failed several times in a row",
                max(left, _PAUSES.first),
            )
        host.on_trial = host.failures >= THRESHOLD
        try:
            result = await request()
        except DependencyUnavailable:
            self._failed(origin, host)
            raise
        finally:
            host.on_trial = False
        if host.openings:
            log.info("attachment host answers again", address=origin)
        self._hosts[origin] = _Host()
        return result

    def _failed(self, origin: str, host: _Host) -> None:
        host.failures += 1
        host.failed_at = self._clock()
        if host.failures >= THRESHOLD:
            host.openings += 1
            pause = _PAUSES.delay(host.openings)
            host.closed_until = self._clock() + pause
            log.warning("attachment host left alone", address=origin, seconds=pause)
