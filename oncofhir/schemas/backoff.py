"""Exponential backoff: how long to wait after a failed attempt. Pure."""

from dataclasses import dataclass

_LARGEST_EXPONENT = 64  # beyond it every delay is the longest, and a float would overflow


@dataclass(frozen=True)
class Backoff:
    """Delays that grow from `first` by `factor` per attempt, up to `longest` seconds.

    `jitter` is the fraction of a delay that is random: 0 none, 1 all of it ("full jitter").
    """

    first: float
    longest: float
    factor: float = 2.0
    jitter: float = 0.0

    def delay(self, attempt: int, spread: float = 1.0) -> float:
        """Return the seconds to wait after attempt `attempt`, counted from 1.

        `spread` is a random number between 0 and 1; at 1 the delay is not shortened.
        """
        exponent = min(max(attempt - 1, 0), _LARGEST_EXPONENT)
        full = min(self.first * self.factor**exponent, self.longest)
        return full * (1.0 - self.jitter * (1.0 - spread))
