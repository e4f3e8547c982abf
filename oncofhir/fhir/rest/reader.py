"""Reads of a FHIR server: interactions, searches and batches. Responses become results or typed errors.

Source: http://hl7.org/fhir/R4/http.html.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import httpx2

from oncofhir.fhir.rest.auth.bearer import Authorization
from oncofhir.fhir.rest.binaries import Binaries
from oncofhir.fhir.rest.bounded_fetch import FetchPolicy
from oncofhir.fhir.rest.capability import Capability, capability_of
from oncofhir.fhir.rest.responses import (
    OK,
    entries_of,
    error_for_status,
    require_resource,
    resources_of,
    response_of,
    status_of,
)
from oncofhir.fhir.rest.transport import Tls, Transport
from oncofhir.schemas.errors import DependencyUnavailable, UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer

_READ_ATTEMPTS = 3
_STRICTLY = {"prefer": "handling=strict", "cache-control": "no-cache"}
_BUNDLE = "Bundle"
SearchParams = Mapping[str, str | Sequence[str]]
_BEFORE_STU3 = "Conformance"  # the name of the statement in DSTU2; it states the version, too


class FhirReader:
    """Reads from one FHIR server.

    Credentials go to this server's origin only. Reads are retried a few times while the server is
    unavailable. Timeouts are in seconds. Redirects are followed for attachments only (`read_binary`).
    """

    def __init__(
        self,
        base_url: str,
        *,
        authorization: Authorization | None = None,
        tls: Tls | None = None,
        timeout: float = 30.0,
        max_connections: int = 16,
        read_attempts: int = _READ_ATTEMPTS,
        tracer: Tracer = NO_TRACING,
    ) -> None:
        self._transport = Transport(
            base_url,
            authorization=authorization,
            tls=tls,
            timeout=timeout,
            max_connections=max_connections,
            read_attempts=read_attempts,
            tracer=tracer,
        )
        self._base_url = self._transport.base_url
        self._binaries = Binaries(self._transport)
        self._capability: Capability | None = None

    @property
    def base_url(self) -> str:
        return self._base_url

    async def fetch_capability(self) -> Capability:
        """Fetch the server's capabilities. Success proves that the server is reachable and speaks FHIR."""
        answer = self._json(
            await self._transport.request_with_retry("GET", f"{self._base_url}/metadata")
        )
        if answer.get("resourceType") != _BEFORE_STU3:
            answer = require_resource(answer, "CapabilityStatement", self._base_url)
        self._capability = capability_of(answer)
        return self._capability

    async def capability(self) -> Capability:
        """Return the capabilities that were fetched last; fetch them once if there are none."""
        return self._capability or await self.fetch_capability()

    async def read(self, type: str, id: str, version: str | None = None) -> dict[str, Any]:  # noqa: A002
        """Read one resource.

        Raises:
            UnreadableReport: resource-not-found (404), deleted (410).
            DependencyUnavailable, AccessDenied, RequestRejected: according to the response.
        """
        history = f"/_history/{version}" if version else ""
        return await self._read(f"/{type}/{id}{history}", type, reads=True)

    async def history(self, reference: str) -> list[dict[str, Any]]:
        """Read the first page of the versions of a resource, newest first, without deletions."""
        bundle = await self._read(f"/{reference}/_history", _BUNDLE)
        return resources_of(bundle, self._base_url)

    async def search(self, type: str, params: Mapping[str, str]) -> list[dict[str, Any]]:  # noqa: A002
        """Return the first page of matches. Unknown parameters are an error; caches are bypassed."""
        return self._matches(await self.search_bundle(type, params), type)

    async def search_bundle(self, type: str, params: SearchParams) -> dict[str, Any]:  # noqa: A002
        """Search and return the first page with its links; `paging.search_pages` reads all pages.

        A parameter with several values is repeated: all of them must match.
        """
        return await self._read(f"/{type}", _BUNDLE, params, _STRICTLY)

    async def read_page(self, url: str) -> dict[str, Any]:
        """Read a further page at the address that the server's link names."""
        answer = self._json(await self._transport.request_with_retry("GET", url, headers=_STRICTLY))
        return require_resource(answer, _BUNDLE, self._base_url)

    async def operation(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        """Call an operation that changes nothing and returns a Bundle: `Subscription/1/$status`.

        Raises:
            UnreadableReport: resource-not-found (404): there is no such resource or operation.
            DependencyUnavailable, AccessDenied, RequestRejected: according to the response.
        """
        return await self._read(f"/{path}", _BUNDLE, params, reads=True)

    async def count(self, type: str, params: SearchParams | None = None) -> int:  # noqa: A002
        """Count the resources of a type on the server, or the matches of a search."""
        sent = {**(params or {}), "_summary": "count"}
        bundle = await self._read(f"/{type}", _BUNDLE, sent, _STRICTLY if params else None)
        total = bundle.get("total")
        if not isinstance(total, int) or isinstance(total, bool):
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._base_url, "the response has no total"
            )
        return total

    async def read_many(
        self, references: Sequence[str], *, batch: bool = True
    ) -> dict[str, dict[str, Any]]:
        """Read the resources that relative references name; absent ones are left out.

        Sends one request, or one for each reference without `batch`.

        Raises:
            DependencyUnavailable, AccessDenied: for any of the references.
        """
        if not references:
            return {}
        if not batch:
            each = await asyncio.gather(*map(self._read_if_present, references))
            return {n: r for n, r in zip(references, each, strict=True) if r is not None}
        return self._resources_in(references, await self._batch(references))

    async def read_many_and_search(
        self,
        references: Sequence[str],
        type: str,  # noqa: A002
        params: Mapping[str, str],
        *,
        batch: bool = True,
    ) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
        """Combine `read_many` and the first page of a search, in one request with `batch`."""
        if not batch:
            read = await self.read_many(references, batch=False)
            return read, await self.search(type, params)
        searched = f"{type}?{urlencode(params)}"
        *read_entries, entry = await self._batch((*references, searched), _STRICTLY)
        status = status_of(response_of(entry))
        if status not in OK:
            raise error_for_status(status, self._base_url, reads=True)
        found = require_resource(entry.get("resource"), _BUNDLE, self._base_url)
        return self._resources_in(references, read_entries), self._matches(found, type)

    async def _batch(
        self, urls: Sequence[str], headers: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """Send one GET for each URL in a batch and return the response entries."""
        entries = [{"request": {"method": "GET", "url": url}} for url in urls]
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        response = await self._transport.request_with_retry(
            "POST", self._base_url, json=bundle, headers=headers
        )
        answer = self._json(response)
        answered = entries_of(require_resource(answer, _BUNDLE, self._base_url), self._base_url)
        if len(answered) != len(urls):
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._base_url, "the response to a batch is incomplete"
            )
        return answered

    def _resources_in(
        self, references: Sequence[str], answered: Sequence[dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        pairs = zip(references, answered, strict=True)
        found = {name: self._resource_in(name, entry) for name, entry in pairs}
        return {name: resource for name, resource in found.items() if resource is not None}

    async def _read_if_present(self, reference: str) -> dict[str, Any] | None:
        try:
            return await self._read(f"/{reference}", _type_in(reference), reads=True)
        except UnreadableReport:
            return None

    def _resource_in(self, reference: str, entry: dict[str, Any]) -> dict[str, Any] | None:
        """Return the resource of one entry of a batch response; None if it is absent or deleted."""
        status = status_of(response_of(entry))
        try:
            if status not in OK:
                raise error_for_status(status, self._base_url, reads=True)
            return require_resource(entry.get("resource"), _type_in(reference), self._base_url)
        except UnreadableReport:
            return None

    async def read_binary(
        self, url: str, accept: str, fetch: FetchPolicy
    ) -> tuple[bytes, str | None]:
        """Fetch the content of a relative `Binary/x` or of an absolute URL, and its content type.

        Raises:
            UnreadableReport, DependencyUnavailable: see `Binaries.read`.
        """
        address = url if "://" in url else f"{self._base_url}/{url}"
        return await self._binaries.read(address, accept, fetch)

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _read(
        self,
        path: str,
        kind: str,
        params: SearchParams | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        reads: bool = False,
    ) -> dict[str, Any]:
        address = self._base_url + path
        response = await self._transport.request_with_retry(
            "GET", address, params=params, headers=headers, reads=reads
        )
        return require_resource(self._json(response), kind, self._base_url)

    def _json(self, response: httpx2.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except (ValueError, RecursionError) as error:
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._base_url, "the response is not JSON"
            ) from error
        if not isinstance(answer, dict):
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._base_url, "the response is not a resource"
            )
        return answer

    def _matches(self, bundle: dict[str, Any], type: str) -> list[dict[str, Any]]:  # noqa: A002
        resources = resources_of(bundle, self._base_url)
        return [resource for resource in resources if resource.get("resourceType") == type]


def _type_in(reference: str) -> str:
    return reference.partition("/")[0]
