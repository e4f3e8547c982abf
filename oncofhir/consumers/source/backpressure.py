"""How much more may be held: the bound of records and of bytes that have been polled and are not finished."""

import threading

from oncofhir.consumers.source.assignment import Assignment
from oncofhir.settings import KafkaSettings

MAX_POLL_RECORDS = 500
RECORDS_PER_SLOT = 16  # records held for each that is worked on: the poll thread sleeps meanwhile


class InFlightBudget:
    """Asked by the poll thread before each poll; told from any thread that something is finished.

    Once full it stays full until a half is free, so that pausing does not flutter.
    """

    def __init__(self, settings: KafkaSettings, assignment: Assignment) -> None:
        self.is_exhausted = False
        self._assignment = assignment
        self._max_records = settings.max_in_flight_records * RECORDS_PER_SLOT
        self._max_bytes = settings.max_in_flight_bytes
        self._capacity_freed = threading.Event()

    def remaining(self) -> int:
        """How many records may be polled, at least one; notes whether all that may be held is held."""
        records, size = self._assignment.in_flight
        if self.is_exhausted:
            self.is_exhausted = self._is_over_half()
        else:
            self._capacity_freed.clear()
            self.is_exhausted = records >= self._max_records or size >= self._max_bytes
        return max(1, min(self._max_records - records, MAX_POLL_RECORDS))

    def remaining_for(self, topics: frozenset[str]) -> int:
        """Of a half, how many records of these topics; 0 also when their bytes fill it."""
        records, size = self._assignment.in_flight_of(topics)
        if size >= self._max_bytes // 2:
            return 0
        return max(0, self._max_records // 2 - records)

    def release(self) -> None:
        """Something was: whoever waits is woken when there is room again."""
        if self.is_exhausted and not self._is_over_half():
            self._capacity_freed.set()

    def wait_for_capacity(self, seconds: float) -> None:
        """Until there is room again, or the time is over."""
        self._capacity_freed.wait(seconds)

    def _is_over_half(self) -> bool:
        records, size = self._assignment.in_flight
        return records > self._max_records // 2 or size > self._max_bytes // 2
