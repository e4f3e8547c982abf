"""Probes and metrics of a running sink."""

import shutil
import time
from pathlib import Path

from oncofhir.consumers.health.probes import ProbeResult
from oncofhir.telemetry import sink_metrics as m
from oncofhir.telemetry.definition import Definition
from oncofhir.telemetry.registry import Metrics
from oncofhir.warehouse.landing.landing import MergeCounts
from oncofhir.warehouse.landing.sink import SinkProgress

# A merge of 10,000 records takes seconds; a turn without records a second.
LIVE_SECONDS = 600.0


class SinkStatus:
    """Called by the sink after each turn, and by another thread for a scrape.

    `file` is the DuckDB file; None for tables elsewhere.
    """

    def __init__(self, file: Path | None) -> None:
        self._folder = file.resolve().parent if file is not None else None
        definitions: tuple[Definition, ...] = m.SINK_DEFINITIONS
        if file is None:
            definitions = tuple(
                d for d in definitions if d not in {m.SINK_DISK_FREE, m.SINK_DISK_SIZE}
            )
        self.metrics = Metrics(definitions)
        self._counted: dict[str, MergeCounts] = {}
        self._turned_at = time.monotonic()
        self._has_turned = False

    def on_progress(self, progress: SinkProgress) -> None:
        """Take over the counts of a turn."""
        for table, counts in progress.merged.items():
            before = self._counted.get(table, MergeCounts())
            self.metrics.count(m.SINK_RECORDS, table, by=counts.records - before.records)
            self.metrics.count(m.SINK_REJECTED, table, by=counts.rejected - before.rejected)
            self._counted[table] = counts
        self.metrics.set(m.SINK_LAG, progress.lag)
        self.metrics.set(m.SINK_LAST_MERGE, time.time())
        self._turned_at, self._has_turned = time.monotonic(), True

    def render_metrics(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        if self._folder is not None:
            usage = shutil.disk_usage(self._folder)
            self.metrics.set(m.SINK_DISK_FREE, usage.free)
            self.metrics.set(m.SINK_DISK_SIZE, usage.total)
        return self.metrics.exposed()

    def live(self) -> ProbeResult:
        """Return whether the sink turns."""
        silent = time.monotonic() - self._turned_at
        return ProbeResult(silent < LIVE_SECONDS, {"seconds_since_turn": round(silent, 1)})

    def ready(self) -> ProbeResult:
        """Return whether the topics have been read once."""
        return ProbeResult(self._has_turned, {})

    def started(self) -> ProbeResult:
        """As `ready`."""
        return self.ready()
