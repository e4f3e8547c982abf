"""Concurrency slots for jobs, and the queue of those that wait for one."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Slot:
    """A concurrency slot, held by a job while it runs.

    `on_released` is called once, when the slot is released.
    """

    __slots__ = ("_is_held", "_on_released")

    def __init__(self, on_released: Callable[[], None]) -> None:
        self._on_released = on_released
        self._is_held = True

    def release(self) -> None:
        """Release the slot early: the job only waits for acknowledgements from now on. Idempotent."""
        if self._is_held:
            self._is_held = False
            self._on_released()

    def transfer(self) -> bool:
        """Take the slot from its job for the next one. Return False when it was released before."""
        was_held, self._is_held = self._is_held, False
        return was_held


class WaitQueue(Generic[T]):
    """A FIFO queue without duplicates, in which urgent items come first."""

    def __init__(self) -> None:
        self._urgent: OrderedDict[T, None] = OrderedDict()
        self._others: OrderedDict[T, None] = OrderedDict()

    def push(self, item: T, *, is_urgent: bool) -> None:
        """Append an item."""
        (self._urgent if is_urgent else self._others)[item] = None

    def promote(self, item: T) -> None:
        """Make a queued item urgent. An item that is not queued changes nothing."""
        if item in self._others:
            del self._others[item]
            self._urgent[item] = None

    def discard(self, item: T) -> None:
        """Remove an item. An item that is not queued changes nothing."""
        self._urgent.pop(item, None)
        self._others.pop(item, None)

    def pop(self) -> T | None:
        """Remove and return the first item, or None when the queue is empty."""
        for queue in (self._urgent, self._others):
            if queue:
                return queue.popitem(last=False)[0]
        return None
