"""Records each view of a report in the FHIR server, before the report is shown."""

from collections.abc import Callable
from datetime import datetime

import structlog

from oncofhir import __version__
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.review.access.audit import view_of_report
from oncofhir.review.access.users import User
from oncofhir.schemas.errors import OncofhirError, RequestRejected
from oncofhir.schemas.review import ReportView
from oncofhir.telemetry.logging import described

log = structlog.get_logger("oncofhir.review")


class ViewNotRecorded(Exception):
    """The AuditEvent could not be written, so the report must not be shown."""


class RecordedViews:
    """Writes an AuditEvent for each view. `page_url` is the address under which the page is reached."""

    def __init__(self, client: FhirClient, page_url: str, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._page_url = page_url
        self._clock = clock

    async def record(self, user: User, report: ReportView) -> None:
        """Write the AuditEvent.

        Raises:
            ViewNotRecorded: the server refuses it or does not answer.
        """
        try:
            await self._write(user, report, is_logical=False)
        except OncofhirError as error:
            log.warning("view not recorded", reason=error.reason.value, **described(error))
            raise ViewNotRecorded from error

    async def _write(self, user: User, report: ReportView, *, is_logical: bool) -> None:
        event = view_of_report(
            user,
            report=report.report,
            patient=report.patient or None,
            store_url=self._client.base_url,
            page_url=self._page_url,
            software=__version__,
            recorded=self._clock(),
            is_logical=is_logical,
        )
        try:
            await self._client.create(event)
        except RequestRejected:
            if is_logical:
                raise
            await self._write(user, report, is_logical=True)  # the report or patient was deleted
