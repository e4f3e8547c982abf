"""The parallel places that jobs work at, handed to those that are urgent first, else in turn."""

import asyncio


class Places:
    """So many places; belongs to one event loop."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._urgent: dict[asyncio.Future[None], None] = {}  # in turn; so is the other
        self._others: dict[asyncio.Future[None], None] = {}

    def take_free(self) -> bool:
        """Take a place at once; False when there is none."""
        if not self._free:
            return False
        self._free -= 1
        return True

    def line_up(self, *, is_urgent: bool) -> asyncio.Future[None]:
        """Wait for a place: the future is done when it is taken."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._urgent if is_urgent else self._others)[turn] = None
        return turn

    def hurry(self, turn: asyncio.Future[None]) -> None:
        """Line up again among the urgent; nothing changes for one that has its place or is urgent."""
        if turn in self._others:
            del self._others[turn]
            self._urgent[turn] = None

    def leave(self, turn: asyncio.Future[None]) -> None:
        """Wait no longer; a place that was handed over already goes to the next."""
        self._urgent.pop(turn, None)
        self._others.pop(turn, None)
        if turn.done() and not turn.cancelled():
            self.hand_over()

    def hand_over(self) -> None:
        """Give a place back: the next in turn has it."""
        for line in (self._urgent, self._others):
            while line:
                turn = next(iter(line))
                del line[turn]
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1


class Place:
    """One of the parallel places, taken by a job while it is worked on."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._turn: asyncio.Future[None] | None = None
        self._is_taken = False

    async def take(self, *, is_urgent: bool = True) -> None:
        """Wait for a free place."""
        if not self._places.take_free():
            self._turn = self._places.line_up(is_urgent=is_urgent)
            try:
                await self._turn
            except asyncio.CancelledError:
                self._places.leave(self._turn)
                raise
        self._is_taken = True

    def hurry(self) -> None:
        """Wait among the urgent from now on."""
        if self._turn is not None:
            self._places.hurry(self._turn)

    def give_back(self) -> None:
        """Let another job begin: what is left to do is waiting for acknowledgements."""
        if self._is_taken:
            self._is_taken = False
            self._places.hand_over()
