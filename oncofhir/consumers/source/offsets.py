"""Tracks which offsets of a partition are finished, and up to which offset may be committed. Pure."""

from collections import deque


class OffsetTracker:
    """Completions of one partition in one epoch, in any order, as a low watermark.

    Offsets start in ascending order, as they are polled. Gaps (compaction, transactions) are not tracked.
    `committable` never passes an offset that has started and is not finished.
    """

    def __init__(self) -> None:
        self._started: deque[int] = deque()  # from the lowest unfinished offset on
        self._open: set[int] = set()  # of those, the unfinished ones
        self._next: int | None = None

    def start(self, offset: int) -> None:
        """Track an offset.

        Raises:
            ValueError: it is not above all that started before.
        """
        if self._next is not None and offset < self._next:
            raise ValueError("offsets start in ascending order")
        self._started.append(offset)
        self._open.add(offset)
        self._next = offset + 1

    def finish(self, offset: int) -> None:
        """Mark an offset as finished. One that never started, or is finished already, changes nothing."""
        self._open.discard(offset)
        while self._started and self._started[0] not in self._open:
            self._started.popleft()

    @property
    def committable(self) -> int | None:
        """The offset to commit: of the first record that a successor must read. None before the first."""
        return self._started[0] if self._started else self._next

    @property
    def unfinished(self) -> int:
        """Number of offsets that have started and are not finished."""
        return len(self._open)

    @property
    def replay(self) -> int:
        """Number of started records that would be read again after a crash right now."""
        return len(self._started)
