"""Retry policy for requests: by the kind of failure, with jitter and `Retry-After`. Pure."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from oncofhir.schemas.errors import DependencyUnavailable

# Seconds between two attempts of a read. If a server asks for more, the caller decides when to retry.
LONGEST_WAIT = 5.0
_FIRST_WAIT = 0.1
_JITTER = 0.25  # seconds on top of `Retry-After`, so that clients do not return all at once


def retry_after_seconds(header: str, now: Callable[[], datetime] | None = None) -> float | None:
    """Parse the seconds of a `Retry-After`: a number or an HTTP date (RFC 9110, 10.2.3); None otherwise."""
    value = header.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    current = now() if now else datetime.now(UTC)
    return max(0.0, (moment - current).total_seconds())


def read_retries(max_attempts: int) -> AsyncRetrying:
    """Build a loop of `max_attempts` while the server is unavailable (408, 425, 429, 5xx, connection)."""
    return AsyncRetrying(
        retry=retry_if_exception(_is_retryable),
        stop=stop_after_attempt(max_attempts),
        wait=_pause,
        reraise=True,
    )


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, DependencyUnavailable) and (error.retry_after or 0.0) <= LONGEST_WAIT


def _pause(state: RetryCallState) -> float:
    """Return the wait: full jitter below a doubling bound, and never sooner than the server asked."""
    error = state.outcome.exception() if state.outcome else None
    bound = min(LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(state.attempt_number, 10))
    requested = error.retry_after if isinstance(error, DependencyUnavailable) else None
    if requested:
        return requested + random.uniform(0, _JITTER)  # noqa: S311 - no secret
    return random.uniform(0, bound)  # noqa: S311
