"""Probes and metrics of the watcher, and the findings of the index by state."""

import asyncio
import time

from oncofhir.consumers.health.probes import ProbeResult
from oncofhir.review.watch.counts import PassCounts
from oncofhir.review.worklist.index import FindingIndex
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.review import ReviewReason
from oncofhir.telemetry import review_metrics as m
from oncofhir.telemetry.registry import Metrics


class WatchMetrics:
    """Receives the counts of each pass; the values of gauges are those after the last one.

    Attributes:
        metrics: all metrics of the review; the page counts its own there.
    """

    def __init__(self, index: FindingIndex) -> None:
        self.metrics = Metrics(m.REVIEW_DEFINITIONS)
        self._index = index

    async def passed(self, counts: PassCounts, seconds: float) -> None:
        """Take over the counts of a complete pass."""
        self.metrics.set(m.WATCH_LAST_PASS, time.time())
        self.metrics.observe(m.WATCH_PASS_SECONDS, seconds)
        self.metrics.count(m.WATCH_EDITS, "read", by=counts.edited)
        self.metrics.count(m.WATCH_EDITS, "failed", by=counts.failed)
        self.metrics.count(m.WATCH_PUBLISHED_ROWS, by=counts.published)
        await self._count_findings()

    async def failed(self, reason: str) -> None:
        """Count a pass that was broken off."""
        self.metrics.count(m.WATCH_FAILED_PASSES, reason)
        await self._count_findings()

    async def _count_findings(self) -> None:
        states, reasons, unpublished = await asyncio.to_thread(self._counted)
        for status in ReviewStatus:
            self.metrics.set(m.REVIEW_FINDINGS, states.get(status.value, 0), status.value)
        for reason in ReviewReason:
            self.metrics.set(m.REVIEW_OPEN_FINDINGS, reasons.get(reason.value, 0), reason.value)
        self.metrics.set(m.REVIEW_UNPUBLISHED, unpublished)

    def _counted(self) -> tuple[dict[str, int], dict[str, int], int]:
        index = self._index
        return index.findings_by_status(), index.findings_by_reason(), len(index.unpublished())

    def live(self) -> ProbeResult:
        """Return that the event loop answers: a first pass over a large server may take an hour."""
        return ProbeResult(True, {})

    def ready(self) -> ProbeResult:
        """Return whether the index has followed the FHIR server once, also before a restart."""
        return ProbeResult(self._index.as_of is not None, {})

    def started(self) -> ProbeResult:
        """As `ready`."""
        return self.ready()
