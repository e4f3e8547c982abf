"""Which offsets of a partition are finished, and up to where it may be committed."""

from collections import deque


class OffsetTracker:
    """Completions of one partition in one tenure, in any order, as a watermark.

    Offsets start in growing order, as they are polled; gaps (compaction, transactions) are no
    offsets. `committable` never passes an offset that has started and is not finished.
    """

    def __init__(self) -> None:
        self._started: deque[int] = deque()  # from the lowest unfinished one on
        self._open: set[int] = set()  # of those, the unfinished ones
        self._next: int | None = None

    def start(self, offset: int) -> None:
        """Take up an offset.

        Raises:
            ValueError: it is not above all that started before.
        """
        if self._next is not None and offset < self._next:
            raise ValueError("offsets start in growing order")
        self._started.append(offset)
        self._open.add(offset)
        self._next = offset + 1

    def finish(self, offset: int) -> None:
        """Count an offset as finished; one that never started or is finished already changes nothing."""
        self._open.discard(offset)
        while self._started and self._started[0] not in self._open:
            self._started.popleft()

    @property
    def committable(self) -> int | None:
        """The offset to commit: of the first record that a successor must read; None before the first."""
        return self._started[0] if self._started else self._next

    @property
    def unfinished(self) -> int:
        """How many offsets have started and are not finished."""
        return len(self._open)

    @property
    def replay(self) -> int:
        """How many started records would be read again after a crash right now."""
        return len(self._started)
