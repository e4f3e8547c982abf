"""What the FHIR server says of a Subscription: its count of events, past events, and reports since a time.

Sources: http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html
and …-status.html; http://hl7.org/fhir/R4/subscription.html (criteria).
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from oncofhir.consumers.envelopes import subscription_notifications as notifications
from oncofhir.fhir.elements import children, string
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.paging import search_pages
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected, UnreadableReport
from oncofhir.schemas.event import REPORT_TYPES
from oncofhir.schemas.reasons import Reason

_FILTER_CRITERIA = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria"
)
_PAGE = "100"
_NOT_IMPLEMENTED = "HTTP 501"

Query = tuple[str, Mapping[str, Any]]
"""A type of report, and search parameters; a parameter that is repeated has a list of values."""


class SubscriptionSource:
    """Asks the FHIR server of the reports. A server without an operation is no error: the answer is None."""

    def __init__(self, client: FhirClient) -> None:
        self._client = client

    async def events_since_start(self, subscription: str) -> int | None:
        """Return the number of events that the server has counted; None if it does not count them.

        Raises:
            DependencyUnavailable, AccessDenied: according to the response.
        """
        bundle = await self._operation(f"{subscription}/$status", {})
        try:
            status = notifications.status_of(bundle)
        except UnreadableReport:
            return None
        return status.events_since_start if status is not None else None

    async def events(self, subscription: str, numbers: range) -> dict[str, Any] | None:
        """Return past events as a notification Bundle; None if the server does not list them.

        Raises:
            DependencyUnavailable, AccessDenied: according to the response.
        """
        wanted = {
            "eventsSinceNumber": str(numbers.start),
            "eventsUntilNumber": str(numbers.stop - 1),
            "content": "id-only",
        }
        return await self._operation(f"{subscription}/$events", wanted)

    async def _operation(self, path: str, params: Mapping[str, str]) -> dict[str, Any] | None:
        try:
            return await self._client.operation(path, params)
        except (RequestRejected, UnreadableReport):
            return None
        except DependencyUnavailable as error:
            if error.detail == _NOT_IMPLEMENTED:
                return None
            raise

    async def queries(self, subscription: str) -> list[Query]:
        """Return the searches that match what the Subscription is about.

        Raises:
            DependencyUnavailable: also if there is no such Subscription: nothing counts as searched.
            AccessDenied, RequestRejected: according to the response.
        """
        kind, _, ident = subscription.partition("/")
        try:
            stored = await self._client.read(kind, ident)
        except UnreadableReport as error:
            raise DependencyUnavailable(
                Reason.STORE_FAILED,
                subscription,
                f"the FHIR server has no such Subscription ({error.reason}): see oncofhir subscribe",
            ) from error
        return _queries(stored)

    async def reports_since(
        self, query: Query, since: datetime
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield the reports that match a query and were updated since a time, a page at a time.

        Raises:
            DependencyUnavailable, AccessDenied, RequestRejected: according to the response.
        """
        kind, params = query
        wanted = {**params, "_lastUpdated": f"ge{since.isoformat()}", "_count": _PAGE}
        async for page in search_pages(self._client, kind, wanted):
            yield page


def _queries(subscription: Mapping[str, Any]) -> list[Query]:
    """Return the queries of R4 criteria or of the backport's filters; of all reports if there are none."""
    stated = [string(subscription, "criteria", "Subscription")]
    primitive = subscription.get("_criteria")
    if isinstance(primitive, dict):
        stated += [
            string(extension, "valueString", at)
            for at, extension in children(primitive, "extension", "Subscription.criteria")
            if extension.get("url") == _FILTER_CRITERIA
        ]
    found = [query for text in stated if text and (query := _query(text)) is not None]
    return found or [(kind, {}) for kind in REPORT_TYPES]


def _query(criteria: str) -> Query | None:
    kind, _, text = criteria.partition("?")
    if kind not in REPORT_TYPES:
        return None
    params: dict[str, list[str]] = {}
    for name, value in parse_qsl(text):
        params.setdefault(name, []).append(value)
    return kind, params
