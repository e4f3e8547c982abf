"""Waiting for what a test expects: long enough for a busy machine, which is slow and not wrong."""

import asyncio
import time
from collections.abc import Callable

# Not reached unless something is wrong. Below pytest's own limit, which does not say for what a test waited.
PATIENCE_SECONDS = 120.0


async def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds, in an event loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
