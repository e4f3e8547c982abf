"""Compares input records with outcomes, dead letters and document states: numbers only, no content.

An input record is accounted for when each of its reports has an outcome row, or the record has a dead
letter. Compaction keeps the last row of a document: a record whose row was compacted away, because a later
record of the same report has one, is counted as `compacted` and is no discrepancy.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from oncofhir.consumers.kafka.records import Coordinates, Partition
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.schemas.base import Value

_COUNTS = ("records", "reports", "accounted", "dead-lettered", "compacted", "pending")


class Problem(StrEnum):
    """A problem of a record or of a document."""

    MISSING = "missing"  # the offset is committed, and the report has no outcome
    OVERDUE = "overdue"  # no outcome, not committed, and older than is allowed
    STORE_BEHIND = "store-behind"  # the FHIR server has an older version than one with an outcome
    IN_PROGRESS_ABANDONED = "in-progress-abandoned"  # a worker reserved the document and stopped
    UNPUBLISHED = "unpublished"  # the head's outcome is not in the outcome topic
    REVIEW_UNPUBLISHED = (
        "review-unpublished"  # the phenotype topic lacks a human's word on a finding
    )
    EDIT_UNREAD = "edit-unread"  # a resource was edited, and the document state does not know it


class Discrepancy(Value):
    """One problem: the coordinates of the record, or the document."""

    problem: Problem
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    document: str | None = None
    age_seconds: int


class _Entry:
    """An input record: when it was published (epoch ms), and its reports that have no outcome yet."""

    __slots__ = ("is_dead_lettered", "left", "timestamp")

    def __init__(self, timestamp: int, reports: frozenset[int]) -> None:
        self.timestamp = timestamp
        self.left = reports
        self.is_dead_lettered = False

    @property
    def is_accounted(self) -> bool:
        return self.is_dead_lettered or not self.left


class Ledger:
    """Input records of a time range, and what the output topics and document states say about them."""

    def __init__(self) -> None:
        self._entries: dict[Partition, dict[int, _Entry]] = {}
        self._newest: dict[int, tuple[SourceVersion, Coordinates]] = {}
        self._outcomes: set[int] = set()
        self._latest_outcome: dict[int, tuple[int, int]] = {}
        self.counts: Counter[str] = Counter(dict.fromkeys(_COUNTS, 0))

    def record(self, at: Coordinates, timestamp: int, reports: Collection[str]) -> None:
        """Add an input record, its timestamp in epoch milliseconds, and the reports that it announces."""
        entry = _Entry(timestamp, frozenset(map(hash, reports)))
        self._entries.setdefault((at.topic, at.partition), {})[at.offset] = entry
        self.counts["records"] += 1
        self.counts["reports"] += len(reports)

    def event(self, source: str, version: SourceVersion, at: Coordinates) -> None:
        """Add a version of a report that a record announces. The newest of each report is kept."""
        known = self._newest.get(hash(source))
        if known is None or not version.older_than(known[0]):
            self._newest[hash(source)] = (version, at)

    def outcome(self, at: Coordinates | None, source: str, version: str | None) -> None:
        """Add an outcome row, of a record of the range or of another (a recall has no record)."""
        self._outcomes.add(hash((source, version)))
        entry = self._entry(at)
        if at is not None and entry is not None:
            entry.left -= {hash(source)}
            place = (entry.timestamp, at.offset)
            self._latest_outcome[hash(source)] = max(
                place, self._latest_outcome.get(hash(source), place)
            )

    def dead_letter(self, at: Coordinates) -> None:
        """Add a dead letter. It accounts for its whole record."""
        entry = self._entry(at)
        if entry is not None:
            self.counts["dead-lettered"] += not entry.is_dead_lettered
            entry.is_dead_lettered = True

    def head(
        self, source: str, at: SourceVersion, outcome: tuple[str, str | None]
    ) -> Problem | None:
        """Return the problem of a document. `outcome` is source and version of its last outcome."""
        newest = self._newest.get(hash(source))
        if newest is not None and _is_behind(at, newest[0]):
            entry = self._entry(newest[1])
            if entry is not None and not entry.left and not entry.is_dead_lettered:
                return Problem.STORE_BEHIND
        return None if hash(outcome) in self._outcomes else Problem.UNPUBLISHED

    def discrepancies(
        self, committed: Mapping[Partition, int], now: int, late: int
    ) -> Iterator[Discrepancy]:
        """Yield the records that nothing accounts for. `now` and `late` are milliseconds.

        Records beyond the committed offset are in progress or wait. They are counted as `pending`, and
        yielded when they are older than `late`.
        """
        for (topic, partition), entries in self._entries.items():
            for offset, entry in entries.items():
                if entry.is_accounted:
                    self.counts["accounted"] += 1
                    continue
                age = now - entry.timestamp
                is_lost = offset < committed.get((topic, partition), 0)
                if is_lost and self._is_compacted(entry, offset):
                    self.counts["compacted"] += 1
                    continue
                if not is_lost:
                    self.counts["pending"] += 1
                    if age < late:
                        continue
                yield Discrepancy(
                    problem=Problem.MISSING if is_lost else Problem.OVERDUE,
                    topic=topic,
                    partition=partition,
                    offset=offset,
                    age_seconds=max(0, age // 1000),
                )

    def _is_compacted(self, entry: _Entry, offset: int) -> bool:
        """Return whether later records of all its open reports have an outcome."""
        place = (entry.timestamp, offset)
        return all(self._latest_outcome.get(report, place) > place for report in entry.left)

    def _entry(self, at: Coordinates | None) -> _Entry | None:
        return (
            None if at is None else self._entries.get((at.topic, at.partition), {}).get(at.offset)
        )


def _is_behind(stored: SourceVersion, announced: SourceVersion) -> bool:
    """Return whether the stored version is older. The same version number is the same version.

    A server that copies resources may set its own `lastUpdated` for it.
    """
    is_same = stored.version is not None and stored.version == announced.version
    return not (is_same and stored.status == announced.status) and stored.older_than(announced)
