"""Waiting for a dependency at the start: it may come up later than the worker."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import structlog

from oncofhir.consumers.processing.failure_policy import dependency_of
from oncofhir.schemas.errors import DependencyUnavailable

_LONGEST_WAIT = 15.0

log = structlog.get_logger(__name__)


async def wait_until_available(
    name: str, ask: Callable[[], Coroutine[Any, Any, None]], stopping: asyncio.Event
) -> bool:
    """Ask a dependency, less and less often, until it answers; False when the worker is stopped before.

    Raises:
        OncofhirError, SettingsError: no waiting will mend it.
    """
    attempt = 0
    while not stopping.is_set():
        attempt += 1
        try:
            return await _unless_stopped(ask(), stopping)
        except DependencyUnavailable as error:
            delay = min(2.0 ** (attempt - 1) / 2, _LONGEST_WAIT)
            log.warning(
                "waiting for a dependency",
                dependency=dependency_of(error) or name,
                reason=error.reason.value,
                address=error.location,
                detail=error.detail,
                attempt=attempt,
                next_try_seconds=delay,
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), delay)
    return False


async def _unless_stopped(answer: Coroutine[Any, Any, None], stopping: asyncio.Event) -> bool:
    """Await an answer, which may take long; False, and it is given up, when the worker is stopped."""
    asked = asyncio.create_task(answer)
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({asked, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            asked.result()
        return asked.done()
    finally:
        for task in (asked, stopped):
            task.cancel()
        await asyncio.wait({asked, stopped})
