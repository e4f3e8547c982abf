"""When a request is tried again: by the kind of failure, with jitter, and as the server asks. Pure."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from oncofhir.schemas.errors import DependencyUnavailable

LONGEST_WAIT = (
    5.0  # seconds between two attempts of a read; a server that asks for more has the caller wait
)
_FIRST_WAIT = 0.1
_JITTER = 0.25  # on top of what the server asked for: not all clients come back at once


def retry_after_seconds(header: str, now: Callable[[], datetime] | None = None) -> float | None:
    """Seconds that a `Retry-After` asks for: a number or an HTTP date (RFC 9110, 10.2.3), else None."""
    said = header.strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    current = now() if now else datetime.now(UTC)
    return max(0.0, (moment - current).total_seconds())


def read_retries(most: int) -> AsyncRetrying:
    """At most so many attempts while the server is unavailable (408, 425, 429, 5xx, connection)."""
    return AsyncRetrying(
        retry=retry_if_exception(_may_be_asked_again),
        stop=stop_after_attempt(most),
        wait=_pause,
        reraise=True,
    )


def _may_be_asked_again(error: BaseException) -> bool:
    return isinstance(error, DependencyUnavailable) and (error.retry_after or 0.0) <= LONGEST_WAIT


def _pause(state: RetryCallState) -> float:
    """Full jitter over a doubling bound, and never sooner than the server asked."""
    error = state.outcome.exception() if state.outcome else None
    bound = min(LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(state.attempt_number, 10))
    asked = error.retry_after if isinstance(error, DependencyUnavailable) else None
    if asked:
        return asked + random.uniform(0, _JITTER)  # noqa: S311 - no secret
    return random.uniform(0, bound)  # noqa: S311
