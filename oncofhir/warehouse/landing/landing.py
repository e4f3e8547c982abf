"""What every landing offers: tables of current rows that know how far they have read the topics."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pydantic import BaseModel

from oncofhir.schemas.base import Value
from oncofhir.warehouse.landing.topic_record import StagedRecord


class LandedTable(Value):
    """A table of a landing: its name, the topic it is read from, and the model of its rows."""

    name: str
    topic: str
    model: type[BaseModel]


class MergeCounts(Value):
    """What a merge did: records read, rows inserted or updated, rows erased, records rejected."""

    records: int = 0
    merged: int = 0
    erased: int = 0
    rejected: int = 0

    def __add__(self, other: "MergeCounts") -> "MergeCounts":
        return MergeCounts(
            records=self.records + other.records,
            merged=self.merged + other.merged,
            erased=self.erased + other.erased,
            rejected=self.rejected + other.rejected,
        )


class LandingError(Exception):
    """A table cannot be written. The message names the cause and the remedy; nothing is half merged."""


class UnusableTarget(LandingError):
    """What the tables were to be kept in is something else; trying again does not help."""


class Landing(Protocol):
    """Tables in a warehouse. Blocking; for one thread and one process at a time."""

    def next_offsets(self, table: LandedTable) -> Mapping[int, int]:
        """Return, by partition, the offset at which reading continues; partitions never read are absent."""
        ...

    def merge(
        self,
        table: LandedTable,
        records: Sequence[StagedRecord],
        next_offsets: Mapping[int, int],
    ) -> MergeCounts:
        """Merge a batch and store the offsets in one transaction. Idempotent.

        Raises:
            LandingError: it could not be written; the table is as it was.
        """
        ...

    def close(self) -> None:
        """Release the tables."""
        ...
