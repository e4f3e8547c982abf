"""A polled record and its coordinates in Kafka."""

from dataclasses import dataclass, field
from typing import NamedTuple

Partition = tuple[str, int]
Headers = tuple[tuple[str, bytes | None], ...]


class Coordinates(NamedTuple):
    """The coordinates of a record: topic, partition and offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class AssignmentEpoch(NamedTuple):
    """A period in which a partition was assigned to this worker. Work of an ended epoch is discarded."""

    topic: str
    partition: int
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class SourceRecord:
    """A polled record, equal only to itself.

    `timestamp` is in epoch milliseconds, `polled` in seconds of the monotonic clock. Key, value and
    headers are the publisher's bytes; they may hold PHI and are kept out of `repr`.
    """

    coordinates: Coordinates
    epoch: AssignmentEpoch
    timestamp: int
    polled: float
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: Headers = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")
