"""In-flight limits: how many more records and bytes may be polled."""

import threading

from oncofhir.consumers.source.assignment import Assignment
from oncofhir.settings import KafkaSettings

MAX_POLL_RECORDS = 500
RECORDS_PER_SLOT = (
    16  # records in flight per slot of the scheduler: the poll thread sleeps meanwhile
)


class InFlightBudget:
    """Limits the records and bytes in flight: polled and not finished.

    Once exhausted, the budget stays exhausted until half of it is free, so that partitions do not flap
    between paused and resumed. `release` is thread-safe; the other methods belong to the poll thread.
    """

    def __init__(self, settings: KafkaSettings, assignment: Assignment) -> None:
        self.is_exhausted = False
        self._assignment = assignment
        self._max_records = settings.max_in_flight_records * RECORDS_PER_SLOT
        self._max_bytes = settings.max_in_flight_bytes
        self._capacity_freed = threading.Event()

    def update(self) -> int:
        """Decide again whether the budget is exhausted. Return how many records may be polled, at least 1."""
        records, size = self._assignment.in_flight
        if self.is_exhausted:
            self.is_exhausted = self._is_over_half()
        else:
            self._capacity_freed.clear()
            self.is_exhausted = records >= self._max_records or size >= self._max_bytes
        return max(1, min(self._max_records - records, MAX_POLL_RECORDS))

    def remaining_for(self, topics: frozenset[str]) -> int:
        """Return how many records of these topics fit into half of the budget; 0 also for their bytes."""
        records, size = self._assignment.in_flight_of(topics)
        if size >= self._max_bytes // 2:
            return 0
        return max(0, self._max_records // 2 - records)

    def release(self) -> None:
        """Wake the poll thread when a finished record has freed enough."""
        if self.is_exhausted and not self._is_over_half():
            self._capacity_freed.set()

    def wait_for_capacity(self, seconds: float) -> None:
        """Block until capacity is freed, `seconds` at most."""
        self._capacity_freed.wait(seconds)

    def _is_over_half(self) -> bool:
        records, size = self._assignment.in_flight
        return records > self._max_records // 2 or size > self._max_bytes // 2
