"""Assigns prompts to llama.cpp's slots, each of which has a prefix cache of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# The weight of a queued character relative to one that must be computed. Below 1, so that prompts with a long
# common prefix share a slot; above 0, so that prompts that share only an instruction spread over the slots.
WAITING = 0.75


class Slots:
    """Assigns each prompt to the slot with the least cost: characters not cached, and the queue before it."""

    def __init__(self, count: int) -> None:
        self._locks = [asyncio.Lock() for _ in range(count)]
        self._last = [""] * count
        self._pending = [0] * count

    @asynccontextmanager
    async def acquire(self, prompt: str) -> AsyncIterator[int]:
        """Reserve a slot while the prompt is processed."""
        new = [len(prompt) - _shared(prompt, last) for last in self._last]
        slot = min(range(len(new)), key=lambda at: new[at] + WAITING * self._pending[at])
        self._last[slot] = prompt
        self._pending[slot] += new[slot]
        try:
            async with self._locks[slot]:
                yield slot
        finally:
            self._pending[slot] -= new[slot]


def _shared(one: str, other: str) -> int:
    """Return the length of the common prefix of two prompts."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
