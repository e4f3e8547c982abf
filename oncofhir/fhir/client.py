"""A FHIR REST client: async, pooled, bounded; foreign errors become ours here, without any of their words.

Source: http://hl7.org/fhir/R4/http.html.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit
from uuid import uuid4

import httpx2
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from oncofhir.fhir.answers import OK, entry_error, error_of, outcome_error, status_of
from oncofhir.fhir.fetching import (
    AddressRefusedError,
    AnswerTooLargeError,
    Bounds,
    Fetch,
    exchange,
)
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, UnreadableReport
from oncofhir.schemas.reasons import Reason

FHIR_JSON = "application/fhir+json"
_READ_ATTEMPTS = 3
_LONGEST_WAIT = 2.0  # seconds between two attempts of a read
_CREATED = 201
_ABSENT = (Reason.RESOURCE_NOT_FOUND, Reason.DELETED)
_NOT_SERVED_RAW = (406, 415)
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3
_ANSWER = Bounds()
_LOCATION = re.compile(
    r"\b[A-Z][A-Za-z]+/(?P<id>[A-Za-z0-9\-.]{1,64})/_history/(?P<version>[^/]+)$"
)


class FhirClient:
    """One FHIR server.

    `token` is asked before each request and goes to this server's origin only. Reads are tried again
    a few times when the server is unavailable; writes are not, that is the caller's decision.
    Timeouts are in seconds. Redirects are not followed, but for an attachment's (`read_binary`).
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
        return await self._read(f"/{type}/{id}{history}", reads=True)

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

    async def read_many(self, references: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The resources that relative references name, in one request; what is not there is left out.

        Raises:
            DependencyUnavailable, AccessDenied: for any of them.
        """
        if not references:
            return {}
        entries = [{"request": {"method": "GET", "url": name}} for name in references]
        batch = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        answer = self._json(await self._retrying("POST", self._base_url, json=batch))
        answered = answer.get("entry") or []
        if len(answered) != len(references):
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._base_url, "a batch was answered in part"
            )
        pairs = zip(references, answered, strict=True)
        found = {name: self._in_batch(entry) for name, entry in pairs}
        return {name: resource for name, resource in found.items() if resource is not None}

    def _in_batch(self, entry: dict[str, Any]) -> dict[str, Any] | None:
        """The resource that an entry of a batch's answer holds; None when it is not there or gone."""
        status = status_of(entry.get("response") or {})
        resource = entry.get("resource")
        if status not in OK:
            error = error_of(status, self._base_url, reads=True)
            if isinstance(error, UnreadableReport):
                return None
            raise error
        if not isinstance(resource, dict):
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._base_url, "a batch was answered without its resources"
            )
        return resource

    async def read_binary(self, url: str, accept: str, fetch: Fetch) -> tuple[bytes, str | None]:
        """The content of a relative `Binary/x`, or of an absolute URL, and its content type.

        A server that does not serve raw content (406) is asked for the Binary resource. The token is
        not sent to another origin, and that another origin refuses access is no reason to halt. A few
        redirects are followed, to this server and to where `fetch` allows.

        Raises:
            UnreadableReport: attachment-not-found, attachment-too-large, attachment-url-refused.
            DependencyUnavailable: also when all of it takes longer than `fetch` allows.
        """
        address = url if "://" in url else f"{self._base_url}/{url}"
        try:
            async with asyncio.timeout(fetch.bounds.seconds):
                return await self._followed(address, accept, fetch)
        except TimeoutError as error:
            where = _shown_origin(address)
            raise DependencyUnavailable(Reason.STORE_UNREACHABLE, where, "too slow") from error

    async def _followed(self, address: str, accept: str, fetch: Fetch) -> tuple[bytes, str | None]:
        for _ in range(_MOST_REDIRECTS + 1):
            response = await self._fetched(address, accept, fetch.bounds)
            if response.status_code in _NOT_SERVED_RAW:
                response = await self._fetched(address, FHIR_JSON, fetch.bounds)
            if response.status_code in OK:
                return response.content, response.headers.get("content-type")
            if response.status_code not in _REDIRECTS:
                raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND)
            address = urljoin(address, response.headers.get("location", ""))
            if not (self._is_own(address) or fetch.allows(address)):
                raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED, None, "redirected elsewhere")
        raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED, None, "too many redirects")

    async def _fetched(self, address: str, accept: str, bounds: Bounds) -> httpx2.Response:
        try:
            return await self._retrying(
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
            if self._is_own(address):
                raise
            raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND) from error

    async def put(self, resource: dict[str, Any]) -> None:
        """Create or update a resource by its id."""
        path = f"{self._base_url}/{resource['resourceType']}/{resource['id']}"
        await self._request("PUT", path, json=resource)

    async def create(
        self, resource: dict[str, Any], condition: Mapping[str, str]
    ) -> dict[str, Any]:
        """Create a resource unless one matches `condition`; the one that is there then, either way.

        It is a transaction of one entry, for servers make those one after another and may let two
        conditional creates that come at the same time both create. Sent again after a time-out it
        makes no second resource, so it is retried like a read.

        Raises:
            StoreConflict: several match (412).
        """
        kind = resource["resourceType"]
        request = {"method": "POST", "url": kind, "ifNoneExist": urlencode(condition)}
        entry = {"fullUrl": f"urn:uuid:{uuid4()}", "resource": resource, "request": request}
        answer = await self._transacted(
            {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}, self._retrying
        )
        response = ((answer.get("entry") or [{}])[0]).get("response") or {}
        named = _LOCATION.search(str(response.get("location", "")))
        if named is not None and status_of(response) == _CREATED:
            meta = {**resource.get("meta", {}), "versionId": named["version"]}
            return {**resource, "id": named["id"], "meta": meta}
        if named is not None:
            return await self.read(kind, named["id"])
        matches = await self.search(kind, condition)
        if not matches:
            raise DependencyUnavailable(Reason.STORE_FAILED, self._base_url, "created, not found")
        return matches[0]

    async def transaction(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """All of a Bundle, or nothing.

        Raises:
            StoreConflict: a guard did not hold (409, 412).
            RequestRejected: store-rejected; the detail has the issues' codes and expressions.
            DependencyUnavailable, AccessDenied.
        """
        return await self._transacted(bundle, self._request)

    async def _transacted(
        self, bundle: dict[str, Any], send: Callable[..., Awaitable[httpx2.Response]]
    ) -> dict[str, Any]:
        headers = {"prefer": "return=minimal"}
        answer = self._json(await send("POST", self._base_url, json=bundle, headers=headers))
        if answer.get("resourceType") != "Bundle":
            raise outcome_error(answer, self._base_url)
        error = entry_error(answer, self._base_url)
        if error is not None:
            raise error
        return answer

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _read(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        reads: bool = False,
    ) -> dict[str, Any]:
        address = self._base_url + path
        return self._json(
            await self._retrying("GET", address, params=params, headers=headers, reads=reads)
        )

    async def _retrying(self, method: str, address: str, **how: Any) -> httpx2.Response:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_may_be_asked_again),
            stop=stop_after_attempt(self._attempts),
            wait=wait_random_exponential(multiplier=0.1, max=_LONGEST_WAIT),
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
        reads: bool = False,
        bounds: Bounds = _ANSWER,
    ) -> httpx2.Response:
        sent = {"accept": FHIR_JSON, **(headers or {})}
        if json is not None:
            sent["content-type"] = FHIR_JSON
        token = self._token() if self._is_own(address) else None
        if token:
            sent["authorization"] = f"Bearer {token}"
        where = self._base_url if self._is_own(address) else _shown_origin(address)
        try:
            async with self._bound:
                response = await exchange(
                    self._http,
                    method,
                    address,
                    bounds,
                    guarded=not self._is_own(address),
                    params=dict(params or {}) or None,
                    headers=sent,
                    json=json,
                )
        except AnswerTooLargeError as error:
            raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE) from error
        except AddressRefusedError as error:
            raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED) from error
        except (httpx2.HTTPError, TimeoutError) as error:
            raise DependencyUnavailable(
                Reason.STORE_UNREACHABLE, where, type(error).__name__
            ) from error
        if response.status_code not in OK and response.status_code not in may_be:
            after = response.headers.get("retry-after", "")
            outcome = _outcome(response)
            raise error_of(response.status_code, where, outcome, retry_after=after, reads=reads)
        return response

    def _is_own(self, address: str) -> bool:
        return _origin(address) == _origin(self._base_url)

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


def _may_be_asked_again(error: BaseException) -> bool:
    """An unavailable server, but for one that asks for more patience than a read has."""
    return isinstance(error, DependencyUnavailable) and (error.retry_after or 0.0) <= _LONGEST_WAIT


def _outcome(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port


def _shown_origin(address: str) -> str:
    scheme, host, port = _origin(address)
    return f"{scheme}://{host}" + (f":{port}" if port else "")
