"""Reads the output topics and merges them into a landing, batch after batch."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from oncofhir.consumers.kafka.assigned_reader import AssignedReader
from oncofhir.contracts.registry.row_decoder import RowDecoder
from oncofhir.warehouse.landing.landing import LandedTable, Landing, MergeCounts
from oncofhir.warehouse.landing.topic_record import StagedRecord, TopicRecord, staged

_POLL_MS = 200
_MAX_BATCH_SECONDS = 1.0
log = structlog.get_logger(__name__)


@dataclass
class SinkProgress:
    """How far a sink has come: what was merged, by table, and how many offsets are unread."""

    merged: dict[str, MergeCounts] = field(default_factory=dict)
    lag: int = 0


class Sink:
    """Lands topics in tables. Blocking; for one thread.

    A batch and its offsets are one transaction, so that a sink that is killed resumes where the table
    stands: no record is lost, and none counts twice.

    Args:
        decoder: reads rows in JSON or Avro.
        batch_records: most records per merge; a few large merges are faster than many small ones.
    """

    def __init__(
        self,
        reader: AssignedReader,
        landing: Landing,
        tables: Sequence[LandedTable],
        decoder: RowDecoder,
        *,
        batch_records: int = 10_000,
    ) -> None:
        self._reader = reader
        self._landing = landing
        self._tables = {table.topic: table for table in tables}
        self._batch_records = batch_records
        self._decoder = decoder
        self.progress = SinkProgress(merged={table.name: MergeCounts() for table in tables})

    def run(
        self,
        stop: threading.Event,
        *,
        once: bool = False,
        on_progress: Callable[[SinkProgress], None] = lambda _: None,
    ) -> None:
        """Land until `stop` is set; with `once` until the topics' ends.

        Raises:
            DependencyUnavailable, AccessDenied, RequestRejected: the broker or the schema registry.
            LandingError: the tables.
            NewerMajorVersion, UndecodableRow: a row that cannot be read here.
            UnsuitableServer, SettingsError: the schema registry, where rows are Avro.
        """
        offsets = {topic: self._landing.next_offsets(t) for topic, t in self._tables.items()}
        for at, wanted, first in self._reader.start(offsets):
            log.warning(
                "records removed before they were read",
                topic=at.topic,
                partition=at.partition,
                next_offset=wanted,
                first_offset=first,
            )
        while not stop.is_set():
            polled = self._collect(stop)
            for topic, records in polled.items():
                self._merge(self._tables[topic], records)
            self.progress.lag = self._reader.lag()
            on_progress(self.progress)
            if once and self.progress.lag == 0 and not polled:
                return

    def _collect(self, stop: threading.Event) -> Mapping[str, list[Any]]:
        """Poll until a batch is full, nothing more comes at once, or a second has passed."""
        found: dict[str, list[Any]] = {}
        count, deadline = 0, time.monotonic() + _MAX_BATCH_SECONDS
        while count < self._batch_records and time.monotonic() < deadline and not stop.is_set():
            polled = self._reader.poll(_POLL_MS, self._batch_records - count)
            for at, records in polled.items():
                found.setdefault(at.topic, []).extend(records)
                count += len(records)
            if not polled:
                break
        return found

    def _merge(self, table: LandedTable, records: Sequence[Any]) -> None:
        batch: list[StagedRecord] = []
        next_offsets: dict[int, int] = {}
        for r in records:
            record = TopicRecord(
                topic=r.topic,
                partition=r.partition,
                offset=r.offset,
                key=r.key,
                value=r.value,
                headers=tuple(r.headers or ()),
            )
            batch.append(staged(record, self._decoder))
            next_offsets[r.partition] = r.offset + 1
        counts = self._landing.merge(table, batch, next_offsets)
        self.progress.merged[table.name] += counts
        if counts.rejected:
            log.warning("records rejected", table=table.name, rejected=counts.rejected)
