"""HTTP to one FHIR server: pooled, limited, authorized. Translates errors of libraries, without their words.

The server's origin is a trust boundary: token and client certificate go to it and to no other, and
redirects are not followed.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import IO, Any

import httpx2

from oncofhir.fhir.references import server_origin
from oncofhir.fhir.rest.aiohttp_transport import AioHttpTransport
from oncofhir.fhir.rest.auth.bearer import Anonymous, Authorization
from oncofhir.fhir.rest.bounded_fetch import (
    AddressRefusedError,
    AnswerTooLargeError,
    Bounds,
    download,
    fetch,
)
from oncofhir.fhir.rest.request_spans import request_span
from oncofhir.fhir.rest.responses import OK, error_for_status
from oncofhir.fhir.rest.retry import read_retries
from oncofhir.fhir.rest.system_authorities import system_authorities
from oncofhir.schemas.error_messages.causes import cause_of
from oncofhir.schemas.errors import DependencyUnavailable, UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.tracing.tracer import NO_TRACING, Span, Tracer

FHIR_JSON = "application/fhir+json"
_UNAUTHORIZED = 401
_FIRST_ERROR = 400
_CONNECT_SECONDS = 10.0
_ANSWER = Bounds()


class Tls:
    """Trusted authorities, and the client certificate for the server's own origin."""

    def __init__(
        self, own: ssl.SSLContext | None = None, elsewhere: ssl.SSLContext | None = None
    ) -> None:
        """`own` may hold a client certificate, `elsewhere` must not. None: the authorities of the system."""
        self.own = own
        self.elsewhere = elsewhere


class Transport:
    """Requests to one server, at most `max_connections` at a time; timeouts are in seconds.

    The trace context is sent to the server's own origin only.
    """

    def __init__(
        self,
        base_url: str,
        *,
        authorization: Authorization | None = None,
        tls: Tls | None = None,
        timeout: float = 30.0,
        max_connections: int = 16,
        read_attempts: int = 3,
        tracer: Tracer = NO_TRACING,
    ) -> None:
        self._tracer = tracer
        self.base_url = base_url.rstrip("/")
        self._origin = server_origin(self.base_url)
        self._authorization = authorization or Anonymous()
        self._attempts = read_attempts
        self._bound = asyncio.Semaphore(max_connections)
        self._tls = tls or Tls()
        self._timeout = timeout
        self._own = httpx2.AsyncClient(
            transport=AioHttpTransport(
                self._tls.own or system_authorities(),
                connect_seconds=_CONNECT_SECONDS,
                read_seconds=timeout,
            ),
            follow_redirects=False,
            trust_env=False,
        )
        self._elsewhere: httpx2.AsyncClient | None = None

    def _foreign(self) -> httpx2.AsyncClient:
        """Return a client that records which address it has reached."""
        return httpx2.AsyncClient(
            timeout=httpx2.Timeout(self._timeout, connect=_CONNECT_SECONDS, pool=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=1),
            follow_redirects=False,
            trust_env=False,
            verify=self._tls.elsewhere or system_authorities(),
        )

    async def request_with_retry(self, method: str, address: str, **how: Any) -> httpx2.Response:
        """Send a request that may be repeated; retry it while the server is unavailable."""
        async for attempt in read_retries(self._attempts):
            with attempt:
                return await self.request(method, address, **how)
        raise AssertionError("tenacity ends with a result or an error")  # pragma: no cover

    async def request(
        self,
        method: str,
        address: str,
        *,
        params: Mapping[str, str | Sequence[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        may_be: tuple[int, ...] = (),
        reads: bool = False,
        bounds: Bounds = _ANSWER,
        into: IO[bytes] | None = None,
    ) -> httpx2.Response:
        """Send a request; return a successful response, or one with a status of `may_be`.

        `into` is a file for the body of a successful response to a GET without parameters.

        A 401 invalidates the token once: the request is repeated with another one, if there is one.

        Raises:
            DependencyUnavailable, AccessDenied, StoreConflict, RequestRejected, UnreadableReport: as
                `error_for_status` states; also for a response beyond its limits.
        """
        sent = {"accept": FHIR_JSON, **(headers or {})}
        if json is not None:
            sent["content-type"] = FHIR_JSON
        is_own = self.is_own(address)
        where = self.base_url if is_own else server_origin(address) or "another address"
        authorization = await self._authorization.header() if is_own else None
        how = {"params": dict(params or {}) or None, "json": json, "bounds": bounds}
        if into is not None:
            how = {"into": into, "bounds": bounds}
        response = await self._send(method, address, where, sent, authorization, how)
        if (
            response.status_code == _UNAUTHORIZED
            and authorization
            and self._authorization.invalidate(authorization)
        ):
            authorization = await self._authorization.header()
            response = await self._send(method, address, where, sent, authorization, how)
        if response.status_code not in OK and response.status_code not in may_be:
            after = response.headers.get("retry-after", "")
            outcome = _outcome(response)
            raise error_for_status(
                response.status_code, where, outcome, retry_after=after, reads=reads
            )
        return response

    async def _send(
        self,
        method: str,
        address: str,
        where: str,
        headers: Mapping[str, str],
        authorization: str | None,
        how: Mapping[str, Any],
    ) -> httpx2.Response:
        sent = dict(headers) | ({"authorization": authorization} if authorization else {})
        http, guarded = self._client_for(address), not self.is_own(address)
        try:
            async with self._bound:
                with request_span(self._tracer, method, address, self.base_url) as span:
                    if not guarded and (trace := span.context) is not None:
                        sent |= trace.text_headers()
                    if "into" in how:
                        response = await download(
                            http, address, guarded=guarded, headers=sent, **how
                        )
                    else:
                        response = await fetch(
                            http, method, address, guarded=guarded, headers=sent, **how
                        )
                    _note_status(span, response.status_code)
                    return response
        except AnswerTooLargeError as error:
            if how["bounds"] is not _ANSWER:
                raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE) from error
            detail = f"the response has more than {_ANSWER.max_bytes} bytes"
            raise DependencyUnavailable(Reason.STORE_FAILED, where, detail) from error
        except AddressRefusedError as error:
            raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise unreachable_error(error, where) from error

    def _client_for(self, address: str) -> httpx2.AsyncClient:
        if self.is_own(address):
            return self._own
        if self._elsewhere is None:
            self._elsewhere = self._foreign()
        return self._elsewhere

    def is_own(self, address: str) -> bool:
        """Return whether an address has the server's own scheme, host and port."""
        return self._origin is not None and server_origin(address) == self._origin

    async def aclose(self) -> None:
        await self._own.aclose()
        if self._elsewhere is not None:
            await self._elsewhere.aclose()
        await self._authorization.aclose()


def unreachable_error(error: Exception, where: str) -> DependencyUnavailable:
    """Return the error for a request without a response, with the cause if it is known."""
    return DependencyUnavailable(Reason.STORE_UNREACHABLE, where, cause_of(error))


def _note_status(span: Span, status: int) -> None:
    span.set({"http.response.status_code": status})
    if status >= _FIRST_ERROR:
        span.fail(str(status))


def _outcome(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
