"""Reads the text of a report again from its source, as the model read it; no model is needed.

Texts are kept in memory for a while, never on disk.
"""

from collections import OrderedDict
from typing import Any

from oncofhir.fhir.intake.attachments.reader import Parse
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.read_report import read_report
from oncofhir.fhir.intake.source_reader import SourceReader
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_version import source_version_of
from oncofhir.fhir.store.head import Head
from oncofhir.review.reports.patient import read_patient
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import RequestRejected, UnreadableReport
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report
from oncofhir.schemas.review import PatientView, ReportState

_MISSING = (Reason.RESOURCE_NOT_FOUND, Reason.DELETED)
_KEPT_CHARACTERS = 20_000_000


class ShownText(Value):
    """What can be shown of a report. `report` is None unless `state` is SHOWN.

    `is_read_text` says that it is the text that the model read: the offsets of evidence are valid.
    """

    state: ReportState
    report: Report | None = None
    resource: dict[str, Any] | None = None
    is_read_text: bool = False


class ReportTexts:
    """Reads and keeps texts of reports."""

    def __init__(
        self, client: FhirClient, reader: SourceReader, limits: IntakeLimits, parse: Parse
    ) -> None:
        self._client = client
        self._reader = reader
        self._limits = limits
        self._parse = parse
        self._kept: OrderedDict[tuple[str, str | None], Report] = OrderedDict()

    async def read(self, head: Head) -> ShownText:
        """Read the report of a document in the version that the model read, else in the current one.

        Raises:
            DependencyUnavailable, AccessDenied: the source cannot be asked.
        """
        source = head.source
        current = await self._shown(source.model_copy(update={"version": None}), head)
        is_deleted = current.state is ReportState.NOT_FOUND  # servers still show its versions
        if current.is_read_text or source.version is None or is_deleted:
            return current
        earlier = await self._shown(source, head)
        return earlier if earlier.is_read_text else current

    async def patient(self, head: Head) -> PatientView | None:
        """Who the patient of a document is; None if the source does not say."""
        return await read_patient(self._client, head.subject)

    async def _shown(self, source: SourceReference, head: Head) -> ShownText:
        try:
            resource = await self._client.read(source.type, source.id, source.version)
        except UnreadableReport:
            return ShownText(state=ReportState.NOT_FOUND)
        except RequestRejected:
            return ShownText(state=ReportState.UNREADABLE)
        try:
            report = await self._report(source, resource)
        except UnreadableReport as error:
            return ShownText(state=_state(error), resource=resource)
        is_read = report.words_sha256 == head.current_text_hash
        return ShownText(
            state=ReportState.SHOWN, report=report, resource=resource, is_read_text=is_read
        )

    async def _report(self, source: SourceReference, resource: dict[str, Any]) -> Report:
        version = source_version_of(resource, source.version).version
        key = (source.unversioned, version)
        report = self._kept.get(key)
        if report is None or version is None:
            report = await read_report(resource, self._reader, self._limits, parse=self._parse)
            self._kept[key] = report
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and self._characters() > _KEPT_CHARACTERS:
            self._kept.popitem(last=False)
        return report

    def _characters(self) -> int:
        return sum(len(report.text) for report in self._kept.values())


def _state(error: UnreadableReport) -> ReportState:
    if error.reason in _MISSING:
        return ReportState.NOT_FOUND
    is_long = error.reason is Reason.TEXT_TOO_LONG
    return ReportState.TOO_LONG if is_long else ReportState.UNREADABLE
