"""Reads references and attachments of reports, and restricts where their URLs may lead.

The author of a report writes its URLs, so following one is a trust boundary: only the source itself and the
origins that the operator lists are ever contacted.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlsplit

from oncofhir.fhir.elements import Element
from oncofhir.fhir.intake.attachment_address import binary_named, own_address
from oncofhir.fhir.intake.binary import decode_binary, unwrap_binary
from oncofhir.fhir.intake.host_breaker import HostBreakers
from oncofhir.fhir.references import (
    literal_reference,
    relative_reference,
    relative_to,
    server_origin,
)
from oncofhir.fhir.rest.bounded_fetch import Bounds, FetchPolicy
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    RequestRejected,
    UnreadableReport,
)
from oncofhir.schemas.reasons import Reason

_ABSENT = (Reason.RESOURCE_NOT_FOUND, Reason.DELETED)
_NO_DATA = (Reason.EMPTY_ATTACHMENT, Reason.ATTACHMENT_NOT_FOUND)
_AROUND_BASE64 = 64 * 1024  # bytes of a Binary resource without its data


class ReferenceReader(Protocol):
    """Reads what a report refers to."""

    async def read_resource(self, reference: str) -> dict[str, Any]:
        """Read the resource that a literal reference names.

        Raises:
            UnreadableReport: resource-not-found, deleted (410).
            DependencyUnavailable, AccessDenied: the source is unavailable.
        """
        ...

    async def find_patients(self, identifier: Element) -> list[str]:
        """Return references of Patients that have an identifier (`system`, `value`).

        Raises:
            DependencyUnavailable, AccessDenied, RequestRejected: the source cannot be searched.
        """
        ...

    async def fetch_attachment(self, url: str, accept: str) -> tuple[bytes, str | None]:
        """Fetch the content that an attachment's URL names, and its content type if that is known.

        Raises:
            UnreadableReport: attachment-url-refused, attachment-not-found, attachment-too-large and
                what decoding a Binary raises.
            DependencyUnavailable, AccessDenied: the source is unavailable.
        """
        ...

    def relative(self, url: str) -> str:
        """Return the URL relative to the source if it is below the source's base, else as it is."""
        ...


class Companions:
    """Resources that came with a report: entries of its Bundle, files of its folder. Nothing is fetched."""

    def __init__(
        self, resources: Iterable[dict[str, Any]], *, max_attachment_bytes: int = 20 * 2**20
    ) -> None:
        self._max_bytes = max_attachment_bytes
        self._by_reference = {
            f"{resource['resourceType']}/{resource['id']}": resource
            for resource in resources
            if isinstance(resource.get("resourceType"), str) and isinstance(resource.get("id"), str)
        }

    async def read_resource(self, reference: str) -> dict[str, Any]:
        found = self.find(reference)
        if found is None:
            raise UnreadableReport(Reason.RESOURCE_NOT_FOUND)
        return found

    async def find_patients(self, identifier: Element) -> list[str]:
        wanted = (identifier.get("system"), identifier.get("value"))
        return [
            reference
            for reference, resource in self._by_reference.items()
            if resource["resourceType"] == "Patient" and wanted in _identifiers(resource)
        ]

    async def fetch_attachment(self, url: str, accept: str) -> tuple[bytes, str | None]:  # noqa: ARG002
        binary = self.binary(url)
        if binary is not None:
            return decode_binary(binary, self._max_bytes)
        if own_address("", url) is None:
            raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED)
        raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND)

    def relative(self, url: str) -> str:
        return url

    def binary(self, url: str) -> dict[str, Any] | None:
        """Return the Binary that came along under this URL; a Bundle may name it by its full URL."""
        named = binary_named(url)
        found = self.find(url.partition("?")[0] if named is None else named.unversioned)
        return found if found is not None and found.get("resourceType") == "Binary" else None

    def find(self, reference: str) -> dict[str, Any] | None:
        """Return the resource that a reference names, whatever server and version it states."""
        named = literal_reference(reference)
        return None if named is None else self._by_reference.get(named.unversioned)


class SourceClient(Protocol):
    """The part of `FhirClient` that is used here."""

    @property
    def base_url(self) -> str: ...

    async def read(self, type: str, id: str, version: str | None = None) -> dict[str, Any]: ...  # noqa: A002

    async def search(
        self,
        type: str,  # noqa: A002
        params: Mapping[str, str],
    ) -> list[dict[str, Any]]: ...

    async def read_binary(
        self, url: str, accept: str, fetch: FetchPolicy
    ) -> tuple[bytes, str | None]: ...


class SourceReader:
    """Reads from the resources that came along, else from the source's FHIR server.

    `allowed_origins` are the origins other than the source's that attachments may be fetched from;
    `fetch_seconds` limits the total time of fetching one.
    """

    def __init__(
        self,
        client: SourceClient,
        companions: Companions | None = None,
        allowed_origins: Iterable[str] = (),
        *,
        max_attachment_bytes: int = 20 * 2**20,
        fetch_seconds: float = 60.0,
        hosts: HostBreakers | None = None,
    ) -> None:
        self._client = client
        self._hosts = hosts or HostBreakers()
        self._companions = companions or Companions(())
        self._allowed = frozenset(o for o in map(server_origin, allowed_origins) if o is not None)
        self._max_bytes = max_attachment_bytes
        self._seconds = fetch_seconds
        self._indexed: tuple[tuple[dict[str, Any], ...], Companions] = ((), Companions(()))

    def with_companions(self, resources: tuple[dict[str, Any], ...]) -> "SourceReader":
        """Return the same reader with the companions of one event.

        The events of one Bundle share their companions, which are indexed once.
        """
        if self._indexed[0] is not resources:
            index = Companions(resources, max_attachment_bytes=self._max_bytes)
            self._indexed = (resources, index)
        return SourceReader(
            self._client,
            self._indexed[1],
            self._allowed,
            max_attachment_bytes=self._max_bytes,
            fetch_seconds=self._seconds,
            hosts=self._hosts,
        )

    @property
    def unavailable_hosts(self) -> tuple[str, ...]:
        """The attachment hosts (origins of the settings) whose circuit breakers are open."""
        return self._hosts.open

    async def read_resource(self, reference: str) -> dict[str, Any]:
        reference = self.relative(reference)
        found = self._companions.find(reference)
        if found is not None:
            return found
        named = relative_reference(reference)
        if named is None:  # of another server, which is never contacted
            raise UnreadableReport(Reason.RESOURCE_NOT_FOUND)
        try:
            return await self._client.read(named.type, named.id, named.version)
        except OncofhirError as error:
            if error.reason in _ABSENT:
                raise UnreadableReport(error.reason) from error
            raise

    async def find_patients(self, identifier: Element) -> list[str]:
        # What came along is not looked at: the findings refer to the server's Patient.
        system, value = identifier.get("system"), identifier.get("value")
        if not system or not value:
            return []
        token = f"{_escape(str(system))}|{_escape(str(value))}"
        found = await self._client.search("Patient", {"identifier": token, "_count": "2"})
        return [
            f"Patient/{patient['id']}" for patient in found if isinstance(patient.get("id"), str)
        ]

    async def fetch_attachment(self, url: str, accept: str) -> tuple[bytes, str | None]:
        # Step 1: what came along. A listed origin is asked itself: its content may be newer.
        is_allowed = server_origin(url) in self._allowed
        binary = None if is_allowed else self._companions.binary(url)
        if binary is not None and binary.get("data") is not None:
            return decode_binary(binary, self._max_bytes)
        # Step 2: the source's own server, or a listed origin; nothing else is contacted.
        own = None if is_allowed else own_address(self._client.base_url, url)
        if own is None and not is_allowed:
            raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED)
        named = None if own is None else binary_named(own)
        failure: OncofhirError | None = None
        try:
            if own is None:
                content, content_type = await self._fetch_from_listed(url, accept)
            else:
                content, content_type = await self._fetch(own, accept)
        except (UnreadableReport, RequestRejected) as error:
            is_without_data = error.location == "Binary.data" and error.reason in _NO_DATA
            if named is None or not (is_without_data or isinstance(error, RequestRejected)):
                raise
            failure, content, content_type = error, b"", None
        # Step 3: what HAPI FHIR stores outside of a Binary; another server has nothing there.
        if named is not None and not content:
            stored = f"{named.unversioned}/$binary-access-read?path=Binary"
            with suppress(UnreadableReport, RequestRejected):
                return await self._fetch(stored, accept)
        if failure is not None:
            raise failure
        return content, content_type

    async def _fetch_from_listed(self, url: str, accept: str) -> tuple[bytes, str | None]:
        """Fetch from a listed origin. Another server's trouble is not the source's: only its reports wait."""
        origin = server_origin(url)
        if origin is None or origin == server_origin(self._client.base_url):
            return await self._fetch(url, accept)
        try:
            return await self._hosts.call(origin, partial(self._fetch, url, accept))
        except (DependencyUnavailable, AccessDenied) as error:
            if error.reason is Reason.ATTACHMENT_HOST_UNAVAILABLE:
                raise  # nothing was sent
            raise DependencyUnavailable(
                Reason.ATTACHMENT_HOST_UNAVAILABLE, origin, error.detail
            ) from error

    async def _fetch(self, address: str, accept: str) -> tuple[bytes, str | None]:
        """Fetch from an address that may be contacted; take off the resource around the content."""
        try:
            content, content_type = await self._client.read_binary(
                address, accept, self._fetch_policy()
            )
        except OncofhirError as error:
            if error.reason in _ABSENT:
                raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND) from error
            raise
        content, content_type = unwrap_binary(content, content_type, self._max_bytes)
        if len(content) > self._max_bytes:
            raise UnreadableReport(Reason.ATTACHMENT_TOO_LARGE)
        return content, content_type

    def _fetch_policy(self) -> FetchPolicy:
        """Allow for the Binary resource around the content: base64 is longer by a third."""
        bounds = Bounds(self._max_bytes * 4 // 3 + _AROUND_BASE64, self._seconds)
        return FetchPolicy(bounds, lambda url: server_origin(url) in self._allowed)

    def relative(self, url: str) -> str:
        base_path = urlsplit(self._client.base_url).path.rstrip("/")
        below = relative_to(self._client.base_url, url)
        if below is None and base_path and url.startswith(f"{base_path}/"):
            below = url.removeprefix(f"{base_path}/")
        return below or url


def _identifiers(resource: Element) -> set[tuple[Any, Any]]:
    listed = resource.get("identifier")
    each = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return {(item.get("system"), item.get("value")) for item in each}


def _escape(token: str) -> str:
    """Escape a part of a token parameter (http://hl7.org/fhir/R4/search.html#escaping)."""
    return re.sub(r"([\\$,|])", r"\\\1", token)
