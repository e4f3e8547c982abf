"""What the record processor works on: one report of a record, and the processor that reads it."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

from oncofhir.consumers.dead_letters.message import ReportFailure
from oncofhir.consumers.dead_letters.writer import RecordProgress
from oncofhir.schemas.event import ReportEvent
from oncofhir.schemas.outcome import Processed
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.tracing.tracer import Span


class ReportProcessor(Protocol):
    """What the worker runs for each report."""

    async def check_dependencies(self) -> None:
        """Check that model and store are available.

        Raises:
            DependencyUnavailable: one is not; the location is its address.
            AccessDenied: one refuses the credentials.
        """

    async def process(self, event: ReportEvent) -> Processed:
        """Process one report. Idempotent.

        Raises:
            OncofhirError: `failure_policy` decides what to do with each.
        """

    async def mark_outdated(self, event: ReportEvent, reason: Reason) -> tuple[Processed, ...]:
        """Mark earlier findings of a report as outdated, because it is dead-lettered. Idempotent.

        Raises:
            OncofhirError: as `process`.
        """


@dataclass(eq=False)
class ReportTask:
    """One report of a record, and how far it has come. Times are monotonic seconds; `span` is its trace's."""

    progress: RecordProgress
    event: ReportEvent | None
    entry: int
    key: str
    span: Span
    after: "ReportTask | None" = (
        None  # a report of the same record with equal content, processed before
    )
    attempt: int = 0
    first_attempt_at: float = 0.0
    attempt_at: float = 0.0
    first_failure_at: float | None = None
    processed: Processed | None = None
    failure: ReportFailure | None = None
    outdate_attempts: int = 0
    finished: asyncio.Event = field(default_factory=asyncio.Event)
