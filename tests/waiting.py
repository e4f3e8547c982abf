"""Waiting for what a test expects: long enough for a busy machine, which is slow and not wrong."""

import asyncio
import time
from collections.abc import Callable

# Not reached unless something is wrong. Below pytest's own limit, which does not say for what a test waited.
PATIENCE_SECONDS = 120.0
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.02, 0.5


async def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds, in an event loop."""
    asked = time.monotonic()
    deadline = asked + seconds
    while not condition():
        await asyncio.sleep(_pause(asked, deadline))
        asked = time.monotonic()


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds."""
    asked = time.monotonic()
    deadline = asked + seconds
    while not condition():
        time.sleep(_pause(asked, deadline))
        asked = time.monotonic()


def _pause(asked: float, deadline: float) -> float:
    """How long to wait before a condition is asked again: longer if it takes long, as reading a topic does."""
    now = time.monotonic()
    assert now < deadline, "it did not come true in time"
    return min(max(_SHORTEST_SECONDS, 4 * (now - asked)), _LONGEST_SECONDS)
