"""Which of llama.cpp's slots a prompt goes to: its prefix cache is per slot only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SHARED_CHARACTERS = 200


class Slots:
    """Prompts that share a beginning run one after another on one slot; others on the least busy."""

    def __init__(self, count: int) -> None:
        self._locks = [asyncio.Lock() for _ in range(count)]
        self._last = [""] * count
        self._waiting = [0] * count

    def choose(self, prompt: str, head: int) -> int:
        """The slot whose last prompt shares the longest beginning beyond `head` characters.

        `head` is the part that every prompt of a prompt set shares, and so tells nothing.
        """
        shared = [_shared(prompt, last) for last in self._last]
        best = max(range(len(shared)), key=lambda slot: (shared[slot], -self._waiting[slot]))
        if shared[best] >= head + SHARED_CHARACTERS:
            return best
        return min(range(len(shared)), key=lambda slot: (self._waiting[slot], shared[slot]))

    @asynccontextmanager
    async def held(self, prompt: str, head: int = 0) -> AsyncIterator[int]:
        """A slot, alone, for as long as the prompt is worked on."""
        slot = self.choose(prompt, head)
        self._last[slot] = prompt
        self._waiting[slot] += 1
        try:
            async with self._locks[slot]:
                yield slot
        finally:
            self._waiting[slot] -= 1


def _shared(one: str, other: str) -> int:
    """How many characters two prompts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
