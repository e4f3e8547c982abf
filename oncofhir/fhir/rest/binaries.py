"""Fetches attachments by URL within limits: Binary resources, raw or as FHIR JSON, and files elsewhere."""

import asyncio
from urllib.parse import urljoin

import httpx2

from oncofhir.fhir.references import server_origin
from oncofhir.fhir.rest.bounded_fetch import Bounds, FetchPolicy
from oncofhir.fhir.rest.responses import OK
from oncofhir.fhir.rest.transport import FHIR_JSON, Transport
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, UnreadableReport
from oncofhir.schemas.reasons import Reason

_ABSENT = (Reason.RESOURCE_NOT_FOUND, Reason.DELETED)
_NOT_SERVED_RAW = (406, 415)
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 3


class Binaries:
    """Fetches over a server's transport, which keeps the server's credentials to its own origin."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def read(
        self, address: str, accept: str, policy: FetchPolicy
    ) -> tuple[bytes, str | None]:
        """Fetch the content at an absolute address, and its content type.

        A server that does not serve raw content (406) is asked for the Binary resource. A refusal by another
        origin does not halt the worker. A few redirects are followed, to the server itself and to addresses
        that `policy` allows.

        Raises:
            UnreadableReport: attachment-not-found, attachment-too-large, attachment-url-refused.
            DependencyUnavailable: the server is unavailable, or all of it takes longer than allowed.
        """
        try:
            async with asyncio.timeout(policy.bounds.seconds):
                return await self._follow(address, accept, policy)
        except TimeoutError as error:
            raise DependencyUnavailable(
                Reason.STORE_UNREACHABLE, server_origin(address) or "another address", "too slow"
            ) from error

    async def _follow(
        self, address: str, accept: str, policy: FetchPolicy
    ) -> tuple[bytes, str | None]:
        for _ in range(_MAX_REDIRECTS + 1):
            response = await self._request(address, accept, policy.bounds)
            if response.status_code in _NOT_SERVED_RAW:
                response = await self._request(address, FHIR_JSON, policy.bounds)
            if response.status_code in OK:
                return response.content, response.headers.get("content-type")
            if response.status_code not in _REDIRECTS:
                raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND)
            address = urljoin(address, response.headers.get("location", ""))
            if not (self._transport.is_own(address) or policy.allows(address)):
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
