"""Which offsets of a partition are finished, and up to where it may be committed."""

from collections import deque


class OffsetTracker:
    """Completions of one partition in one tenure, in any order, as a watermark.

    Offsets start in growing order, as they are polled; gaps (compaction, transactions) are no
    offsets. `committable` never passes an offset that has started and is not finished.
    """

    def __init__(self) -> None:
        self._started: deque[int] = deque()  # from the lowest unfinished one on
        self._finished: set[int] = set()  # of those, the finished ones
        self._next: int | None = None

    def start(self, offset: int) -> None:
        """Take up an offset.

        Raises:
            ValueError: it is not above all that started before.
        """
        if self._next is not None and offset < self._next:
            raise ValueError("offsets start in growing order")
        self._started.append(offset)
        self._next = offset + 1

    def finish(self, offset: int) -> None:
        """Count an offset as finished; one that never started or is finished already changes nothing."""
        if offset in self._finished or not self._is_open(offset):
            return
        self._finished.add(offset)
        while self._started and self._started[0] in self._finished:
            self._finished.remove(self._started.popleft())

    def _is_open(self, offset: int) -> bool:
        # The deque is as long as the replay after a crash, which is bounded; its ends answer most calls.
        if not self._started or not self._started[0] <= offset <= self._started[-1]:
            return False
        return offset == self._started[0] or offset in self._started

    @property
    def committable(self) -> int | None:
        """The offset to commit: of the first record that a successor must read; None before the first."""
        return self._started[0] if self._started else self._next

    @property
    def unfinished(self) -> int:
        """How many offsets have started and are not finished."""
        return len(self._started) - len(self._finished)

    @property
    def replay(self) -> int:
        """How many started records would be read again after a crash right now."""
        return len(self._started)
