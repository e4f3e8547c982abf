"""The limit on dead letters: when so many reports fail that something else must be wrong. Pure."""


class DeadLetterCap:
    """Counts how reports end, and says when the limit is reached.

    Args:
        in_a_row: dead letters without a success between them.
        share: fraction of the last `window` reports; judged only once the window is full.
        window: number of reports that the share is computed over.
    """

    def __init__(self, *, in_a_row: int, share: float, window: int = 1_000) -> None:
        self._in_a_row = in_a_row
        self._most_dead = share * window
        self._window = window
        self._recent: list[bool] = []
        self._next = 0
        self._dead = 0
        self._streak = 0

    def restore(self, streak: int) -> None:
        """Restore the number of consecutive dead letters from before a restart.

        A few more may follow before the limit is reached, so that a fixed cause shows, and a bad record that
        comes first does not stop the others for ever.
        """
        self._streak = min(streak, max(0, self._in_a_row - max(2, self._in_a_row // 20)))

    def record(self, *, dead: bool) -> bool:
        """Record how a report ended. Return True when the limit is reached."""
        self._streak = self._streak + 1 if dead else 0
        if len(self._recent) < self._window:
            self._recent.append(dead)
        else:
            self._dead -= self._recent[self._next]
            self._recent[self._next] = dead
            self._next = (self._next + 1) % self._window
        self._dead += dead
        is_full = len(self._recent) == self._window
        return self._streak >= self._in_a_row or (is_full and self._dead > self._most_dead)
