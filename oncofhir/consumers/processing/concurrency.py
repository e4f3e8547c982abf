"""The parallel places that jobs are worked on at, and the line of those that wait for one."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Slot:
    """One of the parallel places, taken by a job while it is worked on.

    `vacated` is called once, when the place is given back.
    """

    __slots__ = ("_is_taken", "_on_released")

    def __init__(self, on_released: Callable[[], None]) -> None:
        self._on_released = on_released
        self._is_taken = True

    def release(self) -> None:
        """Let another job begin: what is left to do is waiting for acknowledgements."""
        if self._is_taken:
            self._is_taken = False
            self._on_released()

    def transfer(self) -> bool:
        """Take it from the job without letting it go; False when it was given back."""
        was_taken, self._is_taken = self._is_taken, False
        return was_taken


class WaitQueue(Generic[T]):
    """Who waits for a place: those that are urgent first, else in turn. Nobody stands in it twice."""

    def __init__(self) -> None:
        self._urgent: OrderedDict[T, None] = OrderedDict()
        self._others: OrderedDict[T, None] = OrderedDict()

    def push(self, waiting: T, *, is_urgent: bool) -> None:
        """Stand at the end."""
        (self._urgent if is_urgent else self._others)[waiting] = None

    def promote(self, waiting: T) -> None:
        """Stand among the urgent from now on; nothing changes for one that is not in line."""
        if waiting in self._others:
            del self._others[waiting]
            self._urgent[waiting] = None

    def discard(self, waiting: T) -> None:
        """Wait no longer; nothing changes for one that is not in line."""
        self._urgent.pop(waiting, None)
        self._others.pop(waiting, None)

    def pop(self) -> T | None:
        """Take the first out of the line; None when nobody waits."""
        for line in (self._urgent, self._others):
            if line:
                return line.popitem(last=False)[0]
        return None
