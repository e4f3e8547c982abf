"""A FHIR REST client: what `reader.py` reads, and writes. `transport.py` sends the requests.

Source: http://hl7.org/fhir/R4/http.html.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx2

from oncofhir.fhir.rest.reader import FhirReader
from oncofhir.fhir.rest.responses import (
    entries_of,
    entry_error,
    outcome_error,
    response_of,
    status_of,
    version_of,
    write_error,
)
from oncofhir.schemas.errors import DependencyUnavailable, UnreadableReport
from oncofhir.schemas.reasons import Reason

_CREATED = 201
_LOCATION = re.compile(
    r"\b[A-Z][A-Za-z]+/(?P<id>[A-Za-z0-9\-.]{1,64})/_history/(?P<version>[^/]+)$"
)


class FhirClient(FhirReader):
    """One FHIR server, read and written.

    Writes are not retried, except deletions, which leaves the decision to the caller.
    """

    async def update(self, resource: dict[str, Any], version_id: str | None = None) -> str | None:
        """Create or update a resource by its id. Return its new version, or None if the server states none.

        Raises:
            StoreConflict: the stored version is not `version_id`.
            RequestRejected, DependencyUnavailable, AccessDenied.
        """
        path = f"{self._base_url}/{resource['resourceType']}/{resource['id']}"
        guard = {"if-match": f'W/"{version_id}"'} if version_id else None
        return version_of(await self._write("PUT", path, resource, guard))

    async def delete(self, reference: str) -> None:
        """Delete the resource `Type/id`. A resource that is absent already counts as deleted.

        Raises:
            RequestRejected: the server deletes no resource of this type (405).
            StoreConflict: other resources refer to it (409).
            DependencyUnavailable, AccessDenied.
        """
        try:
            await self._transport.request_with_retry(
                "DELETE", f"{self._base_url}/{reference}", reads=True
            )
        except UnreadableReport:
            return

    async def create_by_post(
        self, resource: dict[str, Any], condition: Mapping[str, str], *, conditional: bool
    ) -> dict[str, Any]:
        """Create a resource without a transaction and return the stored one.

        With `conditional` it is created only if nothing matches `condition`; `condition` also finds it later.

        Raises:
            StoreConflict: several match (412).
            RequestRejected, DependencyUnavailable, AccessDenied.
        """
        path = f"{self._base_url}/{resource['resourceType']}"
        headers = {"if-none-exist": urlencode(condition)} if conditional else None
        response = await self._write("POST", path, resource, headers)
        location = response.headers.get("location", "")
        return await self._created_or_existing(resource, response.status_code, location, condition)

    async def create(self, resource: dict[str, Any]) -> None:
        """Create a resource without reading it back.

        Raises:
            RequestRejected, DependencyUnavailable, AccessDenied.
        """
        path = f"{self._base_url}/{resource['resourceType']}"
        await self._write("POST", path, resource)

    async def _write(
        self,
        method: str,
        path: str,
        resource: dict[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        response = await self._transport.request(method, path, json=resource, headers=headers)
        error = write_error(response, self._base_url)
        if error is not None:
            raise error
        return response

    async def create_if_absent(
        self, resource: dict[str, Any], condition: Mapping[str, str]
    ) -> dict[str, Any]:
        """Create a resource unless one matches `condition`; return the created or existing one. Idempotent.

        Sends a transaction of one entry: servers serialise transactions, but may let two concurrent
        conditional creates both succeed. Repeating it after a timeout creates no second resource, so it is
        retried like a read.

        Raises:
            StoreConflict: several match (412).
        """
        kind = resource["resourceType"]
        request = {"method": "POST", "url": kind, "ifNoneExist": urlencode(condition)}
        entry = {"fullUrl": f"urn:uuid:{uuid4()}", "resource": resource, "request": request}
        answer = await self._post_transaction(
            {"resourceType": "Bundle", "type": "transaction", "entry": [entry]},
            self._transport.request_with_retry,
        )
        response = response_of(entries_of(answer, self._base_url)[0])
        location = str(response.get("location", ""))
        return await self._created_or_existing(resource, status_of(response), location, condition)

    async def _created_or_existing(
        self, resource: dict[str, Any], status: int, location: str, condition: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return the resource that a create response names: the new one, or one that existed before."""
        kind, named = resource["resourceType"], _LOCATION.search(location)
        if named is not None and status == _CREATED:
            meta = {**resource.get("meta", {}), "versionId": named["version"]}
            return {**resource, "id": named["id"], "meta": meta}
        if named is not None:
            return await self.read(kind, named["id"])
        matches = await self.search(kind, condition)
        if not matches:
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._base_url, "the created resource was not found"
            )
        return matches[0]

    async def transaction(self, bundle: dict[str, Any]) -> dict[str, Any]:
        """Write a transaction Bundle: all of it, or nothing.

        Raises:
            StoreConflict: a version guard failed (409, 412).
            RequestRejected: store-rejected; the detail has the codes and expressions of the issues.
            DependencyUnavailable, AccessDenied.
        """
        return await self._post_transaction(bundle, self._transport.request)

    async def _post_transaction(
        self, bundle: dict[str, Any], send: Callable[..., Awaitable[httpx2.Response]]
    ) -> dict[str, Any]:
        headers = {"prefer": "return=minimal"}
        answer = self._json(await send("POST", self._base_url, json=bundle, headers=headers))
        if answer.get("resourceType") != "Bundle":
            raise outcome_error(answer, self._base_url)
        error = entry_error(answer, len(bundle["entry"]), self._base_url)
        if error is not None:
            raise error
        return answer
