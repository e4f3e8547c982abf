"""Does work side by side and gives the results in the order of the input."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

Input = TypeVar("Input")
Output = TypeVar("Output")


async def in_order(
    work: Callable[[Input], Awaitable[Output]], inputs: Iterable[Input], limit: int
) -> AsyncIterator[Output]:
    """Results in input order, with at most `limit` pieces of work under way.

    `inputs` is read only as fast as results are taken. The first exception cancels what is under
    way and is raised.
    """
    under_way: deque[asyncio.Task[Output]] = deque()
    try:
        for item in inputs:
            under_way.append(asyncio.ensure_future(_call(work, item)))
            if len(under_way) >= limit:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _call(work: Callable[[Input], Awaitable[Output]], item: Input) -> Output:
    return await work(item)
