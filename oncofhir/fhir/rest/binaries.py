"""Attachments by URL: Binary resources, raw or as FHIR JSON, and files on other servers; within bounds."""

import asyncio
from urllib.parse import urljoin

import httpx2

from oncofhir.fhir.references import origin
from oncofhir.fhir.rest.bounded_fetch import Bounds, FetchPolicy
from oncofhir.fhir.rest.responses import OK
from oncofhir.fhir.rest.transport import FHIR_JSON, Transport
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, UnreadableReport
from oncofhir.schemas.reasons import Reason

_ABSENT = (Reason.RESOURCE_NOT_FOUND, Reason.DELETED)
_NOT_SERVED_RAW = (406, 415)
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3


class Binaries:
    """Fetches over a server's transport, which keeps the server's credentials to its own origin."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def read(self, address: str, accept: str, fetch: FetchPolicy) -> tuple[bytes, str | None]:
        """What is at an absolute address, and its content type.

        A server that does not serve raw content (406) is asked for the Binary resource. That another
        origin refuses access is no reason to halt. A few redirects are followed, to the server itself
        and to where `fetch` allows.

        Raises:
            UnreadableReport: attachment-not-found, attachment-too-large, attachment-url-refused.
            DependencyUnavailable: also when all of it takes longer than `fetch` allows.
        """
        try:
            async with asyncio.timeout(fetch.bounds.seconds):
                return await self._follow(address, accept, fetch)
        except TimeoutError as error:
            raise DependencyUnavailable(
                Reason.STORE_UNREACHABLE, origin(address) or "another address", "too slow"
            ) from error

    async def _follow(
        self, address: str, accept: str, fetch: FetchPolicy
    ) -> tuple[bytes, str | None]:
        for _ in range(_MOST_REDIRECTS + 1):
            response = await self._request(address, accept, fetch.bounds)
            if response.status_code in _NOT_SERVED_RAW:
                response = await self._request(address, FHIR_JSON, fetch.bounds)
            if response.status_code in OK:
                return response.content, response.headers.get("content-type")
            if response.status_code not in _REDIRECTS:
                raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND)
            address = urljoin(address, response.headers.get("location", ""))
            if not (self._transport.is_own(address) or fetch.allows(address)):
                raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED, None, "redirected elsewhere")
        raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED, None, "too many redirects")

    async def _request(self, address: str, accept: str, bounds: Bounds) -> httpx2.Response:
        try:
            return await self._transport.request_with_retry(
                "GET",
                address,
                headers={"accept": accept},
                may_be=(*_NOT_SERVED_RAW, *_REDIRECTS),
                reads=True,
                bounds=bounds,
            )
        except UnreadableReport as error:
            if error.reason in _ABSENT:
                raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND) from error
            raise
        except AccessDenied as error:
            if self._transport.is_own(address):
                raise
            raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND) from error
