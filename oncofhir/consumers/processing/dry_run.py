"""The way of a report without Kafka and without writing: what `oncofhir extract` prints of each.

Source of the line's form: contract, `oncofhir extract PATH…`.
"""

import json
from collections.abc import Iterable
from typing import Any

from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.processing.output_format import OutputFormat
from oncofhir.consumers.processing.report_reader import ReportReader
from oncofhir.fhir.intake.read_report import read_document, report_from_text
from oncofhir.fhir.intake.source_reader import Companions
from oncofhir.fhir.intake.text.triage import triage_language
from oncofhir.fhir.intake.triage import Retract, Skip
from oncofhir.fhir.store.repository import Repository
from oncofhir.inference.extractor import Extractor
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, OncofhirError
from oncofhir.schemas.event import Operation, ReportEvent, SourceReference
from oncofhir.schemas.extraction import ModelIdentity
from oncofhir.schemas.identity import run_of
from oncofhir.schemas.reasons import Disposition, Reason
from oncofhir.schemas.report import Report
from oncofhir.terminology import TERMINOLOGY_VERSION

_PLAIN = "text/plain"


class LineSource(Value):
    """The origin of a line's report."""

    file: str
    line: int | None = None
    type: str | None = None
    id: str | None = None
    version: str | None = None


class DryRun:
    """Extracts reports one by one; `companions` are what their references resolve against.

    `extractor` None starts no model: only reports can be printed then.
    """

    def __init__(
        self,
        *,
        output: OutputFormat,
        reader: ReportReader,
        companions: Iterable[dict[str, Any]],
        extractor: Extractor | None,
        repository: Repository,
        settings_sha256: str,
        software_version: str,
    ) -> None:
        self._output = output
        self._reader = reader
        self._companions = Companions(companions)
        self._extractor = extractor
        self._repository = repository
        self._settings_sha256 = settings_sha256
        self._software_version = software_version
        self._model: ModelIdentity | None = None

    async def check_model(self) -> None:
        """Ask the model for its identity.

        Raises:
            DependencyUnavailable, AccessDenied: it does not answer.
        """
        if self._extractor is not None:
            self._model = await self._extractor.identify()

    async def extract_document(
        self, source: LineSource, raw: bytes, content_type: str
    ) -> dict[str, Any]:
        """Return the line of a document. Of triage only the language applies. Plain text is read as it is."""
        try:
            if content_type == _PLAIN:
                report = report_from_text(raw, "text")
            else:
                limits, parse = self._reader.limits, self._reader.parse
                report = await read_document(raw, content_type, "text", limits, parse=parse)
        except OncofhirError as error:
            disposition = error.reason.disposition
            if disposition is Disposition.SKIP:
                return self._line(source, skipped=error.reason)
            return self._line(source, error=error.reason, detail=_detail(error))
        skip = triage_language(report, self._reader.policy)
        if skip is not None:
            return self._line(source, skipped=skip.reason)
        return await self._extract_report(source, report)

    async def extract_resource(
        self, source: LineSource, resource: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the line of a DiagnosticReport or DocumentReference."""
        meta = resource.get("meta")
        version = meta.get("versionId") if isinstance(meta, dict) else None
        named = {"type": resource.get("resourceType"), "id": resource.get("id"), "version": version}
        source = source.model_copy(
            update={key: value if isinstance(value, str) else None for key, value in named.items()}
        )
        try:
            reading = await self._reader.read(_event_for(resource), self._companions)
        except (DependencyUnavailable, AccessDenied):
            raise
        except OncofhirError as error:
            return self._line(source, error=error.reason, detail=_detail(error))
        if isinstance(reading.result, Skip | Retract):
            return self._line(source, skipped=reading.result.reason)
        return await self._extract_report(source, reading.result)

    def error_line(self, source: LineSource, reason: Reason) -> dict[str, Any]:
        """Return the line of something that is not a resource."""
        return self._line(source, error=reason)

    async def _extract_report(self, source: LineSource, report: Report) -> dict[str, Any]:
        if self._output is OutputFormat.REPORT or self._extractor is None:
            return self._line(source, output={"report": report.model_dump(mode="json")})
        try:
            return await self._run_extractor(source, report, self._extractor)
        except (DependencyUnavailable, AccessDenied):
            raise
        except OncofhirError as error:
            return self._line(source, error=error.reason, detail=_detail(error))

    async def _run_extractor(
        self, source: LineSource, report: Report, extractor: Extractor
    ) -> dict[str, Any]:
        extraction = await extractor.extract(report, self._model)
        if self._output is OutputFormat.FINDINGS:
            written = self._repository.written_findings(report, extraction)
            shown = extraction.model_copy(update={"findings": written})
            dumped = shown.model_dump(mode="json", include={"findings", "rejected"})
            return self._line(source, output=dumped)
        run = run_of(
            report,
            extraction.model,
            extraction.prompt_set,
            self._settings_sha256,
            TERMINOLOGY_VERSION,
            self._software_version,
        )
        bundle, processed = self._repository.first_version(report, run, extraction)
        if self._output is OutputFormat.BUNDLE:
            return self._line(source, output={"bundle": bundle})
        return self._line(
            source, output={"rows": [r.model_dump(mode="json") for r in processed.rows]}
        )

    def _line(
        self,
        source: LineSource,
        *,
        skipped: Reason | None = None,
        error: Reason | None = None,
        detail: str | None = None,
        output: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        return {
            "source": source.model_dump(),
            "skipped": skipped.value if skipped else None,
            "error": error.value if error else None,
            **({"detail": detail} if detail else {}),
            **(output if output is not None else {self._output.value: None}),
        }


def _detail(error: OncofhirError) -> str | None:
    """Where and why, in codes: an element path or a position, and what the reason leaves open."""
    return ": ".join(part for part in (error.location, error.detail) if part) or None


def _event_for(resource: dict[str, Any]) -> ReportEvent:
    """Return the event of a resource. One without an id is read too, because nothing is stored."""
    try:
        events = decode(json.dumps(resource).encode(), (), "file")
    except OncofhirError as error:
        if error.reason is not Reason.MISSING_ID:
            raise
        named = {**resource, "id": "unidentified"}
        return ReportEvent(
            operation=Operation.UPSERT,
            source=SourceReference(type=str(resource.get("resourceType")), id="unidentified"),
            resource=named,
        )
    return events[0]
