"""A FHIR REST client: async, pooled, bounded; foreign errors become ours here, without any of their words.

Source: http://hl7.org/fhir/R4/http.html.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    RequestRejected,
    StoreConflict,
    UnreadableReport,
)
from oncofhir.schemas.reasons import Reason

FHIR_JSON = "application/fhir+json"
_READ_ATTEMPTS = 3
_OK = 300


class FhirClient:
    """One FHIR server.

    `token` is asked before each request and goes to this server's origin only. Reads are tried again
    a few times when the server is unavailable; writes are not, that is the caller's decision.
    Timeouts are in seconds. Redirects are not followed.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: Callable[[], str | None] = lambda: None,
        timeout: float = 30.0,
        max_connections: int = 16,
        read_attempts: int = _READ_ATTEMPTS,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._attempts = read_attempts
        self._bound = asyncio.Semaphore(max_connections)
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(timeout, connect=10.0, pool=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=max_connections),
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def base_url(self) -> str:
        return self._base_url

    async def capability(self) -> dict[str, Any]:
        """The CapabilityStatement; proves that the server is there and speaks FHIR."""
        return await self._read("/metadata")

    async def read(self, type: str, id: str, version: str | None = None) -> dict[str, Any]:  # noqa: A002
        """One resource.

        Raises:
            UnreadableReport: resource-not-found (404), deleted (410).
            DependencyUnavailable, AccessDenied, RequestRejected: as the server answered.
        """
        history = f"/_history/{version}" if version else ""
        return await self._read(f"/{type}/{id}{history}")

    async def search(self, type: str, params: Mapping[str, str]) -> list[dict[str, Any]]:  # noqa: A002
        """The matches of a search, first page; unknown parameters are an error, no cache is asked."""
        headers = {"prefer": "handling=strict", "cache-control": "no-cache"}
        bundle = await self._read(f"/{type}", params, headers)
        resources = [entry.get("resource") for entry in bundle.get("entry", [])]
        return [r for r in resources if isinstance(r, dict) and r.get("resourceType") == type]

    async def count(self, type: str) -> int:  # noqa: A002
        """How many resources of a type the server holds."""
        bundle = await self._read(f"/{type}", {"_summary": "count"})
        return int(bundle.get("total", 0))

    async def read_binary(self, url: str, accept: str) -> tuple[bytes, str | None]:
        """The content of a relative `Binary/x`, or of an absolute URL, and its content type.

        A server that does not serve raw content (406) is asked for the Binary resource. The token is
        not sent to another origin.

        Raises:
            UnreadableReport: attachment-not-found.
        """
        address = url if "://" in url else f"{self._base_url}/{url}"
        try:
            response = await self._retrying(
                "GET", address, headers={"accept": accept}, may_be=(406, 415)
            )
            if response.status_code in {406, 415}:
                response = await self._retrying("GET", address, headers={"accept": FHIR_JSON})
        except UnreadableReport as error:
            raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND) from error
        return response.content, response.headers.get("content-type")

    async def put(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Create or update a resource by its id."""
        path = f"{self._base_url}/{resource['resourceType']}/{resource['id']}"
        return self._json(await self._request("PUT", path, json=resource))

    async def transaction(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """All of a Bundle, or nothing.

        Raises:
            StoreConflict: a guard did not hold (409, 412).
            RequestRejected: store-rejected; the detail has the issues' codes and expressions.
            DependencyUnavailable, AccessDenied.
        """
        answer = self._json(await self._request("POST", self._base_url, json=bundle))
        if answer.get("resourceType") != "Bundle":
            raise RequestRejected(Reason.STORE_REJECTED, self._base_url, _issues(answer))
        return answer

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _read(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        address = self._base_url + path
        return self._json(await self._retrying("GET", address, params=params, headers=headers))

    async def _retrying(self, method: str, address: str, **how: Any) -> httpx2.Response:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(DependencyUnavailable),
            stop=stop_after_attempt(self._attempts),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            reraise=True,
        ):
            with attempt:
                return await self._request(method, address, **how)
        raise AssertionError("tenacity ends with a result or an error")  # pragma: no cover

    async def _request(
        self,
        method: str,
        address: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        may_be: tuple[int, ...] = (),
    ) -> httpx2.Response:
        sent = {"accept": FHIR_JSON, **(headers or {})}
        if json is not None:
            sent["content-type"] = FHIR_JSON
        token = self._token() if _origin(address) == _origin(self._base_url) else None
        if token:
            sent["authorization"] = f"Bearer {token}"
        try:
            async with self._bound:
                response = await self._http.request(
                    method, address, params=dict(params or {}) or None, headers=sent, json=json
                )
        except httpx2.HTTPError as error:
            raise DependencyUnavailable(
                Reason.STORE_UNREACHABLE, self._base_url, type(error).__name__
            ) from error
        if response.status_code >= _OK and response.status_code not in may_be:
            raise self._error(response)
        return response

    def _error(self, response: httpx2.Response) -> OncofhirError:
        status = response.status_code
        said = f"HTTP {status}"
        if status in {401, 403}:
            return AccessDenied(Reason.STORE_ACCESS_DENIED, self._base_url, said)
        if status == 404:  # noqa: PLR2004
            return UnreadableReport(Reason.RESOURCE_NOT_FOUND)
        if status == 410:  # noqa: PLR2004
            return UnreadableReport(Reason.DELETED)
        if status in {409, 412}:
            return StoreConflict(Reason.STORE_CONFLICT, self._base_url, said)
        if status in {408, 425, 429} or status >= 500:  # noqa: PLR2004
            after = response.headers.get("retry-after", "")
            return DependencyUnavailable(
                Reason.STORE_FAILED, self._base_url, said, float(after) if after.isdigit() else None
            )
        try:
            outcome = response.json()
        except ValueError:
            outcome = {}
        return RequestRejected(Reason.STORE_REJECTED, self._base_url, f"{said} {_issues(outcome)}")

    def _json(self, response: httpx2.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except ValueError as error:
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._base_url, "the answer is not JSON"
            ) from error
        if not isinstance(answer, dict):
            raise DependencyUnavailable(Reason.STORE_FAILED, self._base_url, "not a resource")
        return answer


def _issues(outcome: Any) -> str:
    """Codes and expressions of an OperationOutcome; its diagnostics may quote the report."""
    issues = outcome.get("issue", []) if isinstance(outcome, dict) else []
    said = [
        " ".join([str(issue.get("code")), *map(str, issue.get("expression") or [])])
        for issue in issues
        if isinstance(issue, dict)
    ]
    return "; ".join(said[:5])


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port
