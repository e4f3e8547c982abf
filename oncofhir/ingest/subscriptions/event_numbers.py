"""Which event numbers of a Subscription arrived, and which are missing. Pure.

A server numbers the events of a Subscription from 1, without gaps
(http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html#event-numbers).
Notifications may arrive out of order and more than once.
"""

from collections.abc import Iterable, Iterator

MAX_AHEAD = 10_000


class EventNumbers:
    """The numbers up to `contiguous` arrived or were given up; of the later ones some did.

    `contiguous` is None until the first number is known. At most `MAX_AHEAD` numbers are kept beyond it:
    above that the oldest gap is given up.
    """

    def __init__(self, contiguous: int | None = None) -> None:
        self.contiguous = contiguous
        self._ahead: set[int] = set()
        self._announced = 0

    @property
    def highest(self) -> int:
        """The highest number that arrived or was announced."""
        return max(self.contiguous or 0, self._announced, max(self._ahead, default=0))

    def add(self, numbers: Iterable[int]) -> int:
        """Note numbers that arrived. Return how many numbers were given up to stay within the limit."""
        new = {number for number in numbers if number > 0}
        if not new:
            return 0
        if self.contiguous is None:
            self.contiguous = min(new) - 1
        self._ahead |= {number for number in new if number > self.contiguous}
        self._advance()
        given_up = 0
        while len(self._ahead) > MAX_AHEAD:
            given_up += self.give_up(next(self.missing()))
        return given_up

    def announce(self, highest: int) -> None:
        """Note that the server has sent events up to a number, as heartbeats and `$status` state."""
        if self.contiguous is None:
            self.contiguous = highest
        self._announced = max(self._announced, highest)

    def restart(self, highest: int) -> None:
        """Note that the server counts from 1 again and has sent events up to a number."""
        self.contiguous, self._announced = 0, highest
        self._ahead.clear()

    def missing(self) -> Iterator[range]:
        """Yield the ranges of numbers that did not arrive, lowest first."""
        if self.contiguous is None:
            return
        expected = self.contiguous + 1
        for number in sorted(self._ahead):
            if number > expected:
                yield range(expected, number)
            expected = number + 1
        if expected <= self._announced:
            yield range(expected, self._announced + 1)

    def give_up(self, numbers: range) -> int:
        """Count a missing range as arrived, from the lowest number that is missing. Return how many."""
        if self.contiguous is None or numbers.stop <= self.contiguous + 1:
            return 0
        # Only the lowest gap can be given up without keeping each of its numbers.
        before = self.contiguous + 1
        ahead = sum(before <= number < numbers.stop for number in self._ahead)
        self.contiguous = numbers.stop - 1
        self._ahead = {number for number in self._ahead if number > self.contiguous}
        self._advance()
        return numbers.stop - before - ahead

    def _advance(self) -> None:
        while self.contiguous is not None and self.contiguous + 1 in self._ahead:
            self.contiguous += 1
            self._ahead.discard(self.contiguous)
