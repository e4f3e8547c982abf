"""Which of llama.cpp's slots a prompt goes to: its prefix cache is per slot only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# What a character that others wait for weighs against one that has to be computed. Below 1, so that prompts
# with a long beginning in common follow one another on one slot; above 0, so that those that share but an
# instruction spread over the slots.
WAITING = 0.75


class Slots:
    """Each prompt to the slot where it costs least: what it does not share, and the wait before it."""

    def __init__(self, count: int) -> None:
        self._locks = [asyncio.Lock() for _ in range(count)]
        self._last = [""] * count
        self._pending = [0] * count

    @asynccontextmanager
    async def acquire(self, prompt: str) -> AsyncIterator[int]:
        """A slot, alone, for as long as the prompt is worked on."""
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
    """How many characters two prompts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
