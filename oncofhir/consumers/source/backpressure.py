"""How much more may be held: the bound of records and of bytes that have been polled and are not finished."""

import threading

from oncofhir.consumers.source.assignment import Assignment
from oncofhir.settings import KafkaSettings

MOST_AT_A_POLL = 500
HELD_PER_PLACE = 16  # records held for each that is worked on: the poll thread sleeps meanwhile


class Room:
    """Asked by the poll thread before each poll; told from any thread that something is finished.

    Once full it stays full until a half is free, so that pausing does not flutter.
    """

    def __init__(self, settings: KafkaSettings, assignment: Assignment) -> None:
        self.is_full = False
        self._assignment = assignment
        self._most = settings.max_in_flight_records * HELD_PER_PLACE
        self._most_bytes = settings.max_in_flight_bytes
        self._again = threading.Event()

    def left(self) -> int:
        """How many records may be polled, at least one; notes whether all that may be held is held."""
        records, size = self._assignment.load
        if self.is_full:
            self.is_full = self._is_over_half()
        else:
            self._again.clear()
            self.is_full = records >= self._most or size >= self._most_bytes
        return max(1, min(self._most - records, MOST_AT_A_POLL))

    def left_for(self, topics: frozenset[str]) -> int:
        """Of a half, how many records of these topics; 0 also when their bytes fill it."""
        records, size = self._assignment.load_of(topics)
        if size >= self._most_bytes // 2:
            return 0
        return max(0, self._most // 2 - records)

    def finished(self) -> None:
        """Something was: whoever waits is woken when there is room again."""
        if self.is_full and not self._is_over_half():
            self._again.set()

    def wait(self, seconds: float) -> None:
        """Until there is room again, or the time is over."""
        self._again.wait(seconds)

    def _is_over_half(self) -> bool:
        records, size = self._assignment.load
        return records > self._most // 2 or size > self._most_bytes // 2
