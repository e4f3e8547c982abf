"""Reads the report of an event: resolve → triage → read → triage of the text."""

from dataclasses import dataclass
from typing import Any

from oncofhir.fhir.intake.attachments.reader import Parse, parse_here
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.resolve import resolve
from oncofhir.fhir.intake.source_reader import ReferenceReader
from oncofhir.fhir.intake.text.triage import triage_text
from oncofhir.fhir.intake.triage import Retract, Skip, TriagePolicy, triage
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import ReportEvent
from oncofhir.schemas.reasons import Disposition
from oncofhir.schemas.report import Report
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer


@dataclass(frozen=True)
class ReadResult:
    """The result of reading an event, before any model is asked.

    `resource` is the resource as read, None for a deletion. `result` is the report, or why there is none.
    `replaces` are the references of documents that the report replaces.
    """

    resource: dict[str, Any] | None
    result: Report | Skip | Retract
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportReader:
    """Reads reports under one policy and one set of limits."""

    policy: TriagePolicy
    limits: IntakeLimits
    read_current: bool = False
    parse: Parse = parse_here
    tracer: Tracer = NO_TRACING

    async def read(self, event: ReportEvent, references: ReferenceReader) -> ReadResult:
        """The report of an event, or the reason why it is skipped or retracted.

        Raises:
            UnreadableReport: with a reason whose disposition is the dead letter.
            DependencyUnavailable, AccessDenied: the source cannot be asked.
        """
        resource: dict[str, Any] | None = None
        try:
            with self.tracer.span("resolve"):
                resource = await resolve(event, references, read_current=self.read_current)
            verdict = triage(resource, self.policy)
            if isinstance(verdict, Skip | Retract):
                return ReadResult(resource, verdict)
            with self.tracer.span("read"):
                report = await read_report(resource, references, self.limits, parse=self.parse)
        except UnreadableReport as error:
            disposition = error.reason.disposition
            if disposition is Disposition.SKIP:
                return ReadResult(resource, Skip(error.reason))
            if disposition is Disposition.RETRACT:
                return ReadResult(resource, Retract(error.reason))
            raise
        skip = triage_text(report, self.policy, verdict)
        return ReadResult(resource, skip or report, verdict.replaces)
