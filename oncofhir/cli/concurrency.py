"""Concurrent work whose results come in the order of the input."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

Input = TypeVar("Input")
Output = TypeVar("Output")


async def map_ordered(
    work: Callable[[Input], Awaitable[Output]], inputs: Iterable[Input], limit: int
) -> AsyncIterator[Output]:
    """Yield results in input order, with at most `limit` calls of `work` running.

    `inputs` is read only as fast as results are consumed. The first exception cancels the running calls and
    is raised.
    """
    running: deque[asyncio.Task[Output]] = deque()
    try:
        for item in inputs:
            running.append(asyncio.ensure_future(_call(work, item)))
            if len(running) >= limit:
                yield await running.popleft()
        while running:
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _call(work: Callable[[Input], Awaitable[Output]], item: Input) -> Output:
    return await work(item)
