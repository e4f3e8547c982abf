"""What references and attachment URLs are read through, and where a report's URL may lead.

A URL in a report is written by whoever wrote the report, so following it is a trust boundary: only the
source itself and the origins that the operator lists are ever contacted.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from oncofhir.fhir.elements import string
from oncofhir.fhir.intake.attachments.base64_data import decode_base64
from oncofhir.fhir.references import literal_reference, origin, relative_reference, relative_to
from oncofhir.fhir.rest.bounded_fetch import Bounds, FetchPolicy
from oncofhir.schemas.errors import OncofhirError, UnreadableReport
from oncofhir.schemas.reasons import Reason

_ABSENT = (Reason.RESOURCE_NOT_FOUND, Reason.DELETED)
_AROUND_BASE64 = 64 * 1024  # bytes of a Binary resource beside its data
_FHIR_JSON = ("application/fhir+json", "application/json+fhir", "application/json")


class ReferenceReader(Protocol):
    """Reads what a report refers to."""

    async def read_resource(self, reference: str) -> dict[str, Any]:
        """The resource that a literal reference names.

        Raises:
            UnreadableReport: resource-not-found, deleted (410).
            DependencyUnavailable, AccessDenied: the source cannot be asked.
        """
        ...

    async def fetch_attachment(self, url: str, accept: str) -> tuple[bytes, str | None]:
        """The content that an attachment's URL names, and its content type if that is known.

        Raises:
            UnreadableReport: attachment-url-refused, attachment-not-found, attachment-too-large and
                what decoding a Binary raises.
            DependencyUnavailable, AccessDenied: the source cannot be asked.
        """
        ...

    def relative(self, url: str) -> str:
        """The URL relative to the source when it is below the source's base, else as it is."""
        ...


class Companions:
    """Resources that came along: Bundle siblings, files beside a report. Nothing is fetched."""

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

    async def fetch_attachment(self, url: str, accept: str) -> tuple[bytes, str | None]:  # noqa: ARG002
        named = relative_reference(url)
        binary = self.binary(url)
        if binary is not None:
            return decode_binary(binary, self._max_bytes)
        if named is None or named.type != "Binary":
            raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED)
        raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND)

    def relative(self, url: str) -> str:
        return url

    def binary(self, url: str) -> dict[str, Any] | None:
        """The Binary that came along under this URL: a Bundle may name it by its full URL."""
        found = self.find(url)
        return found if found is not None and found.get("resourceType") == "Binary" else None

    def find(self, reference: str) -> dict[str, Any] | None:
        """The resource that a reference names, whatever server and version it names with it."""
        named = literal_reference(reference)
        return None if named is None else self._by_reference.get(named.unversioned)


class SourceClient(Protocol):
    """What is needed of `FhirClient`."""

    @property
    def base_url(self) -> str: ...

    async def read(self, type: str, id: str, version: str | None = None) -> dict[str, Any]: ...  # noqa: A002

    async def read_binary(
        self, url: str, accept: str, fetch: FetchPolicy
    ) -> tuple[bytes, str | None]: ...


class SourceReader:
    """Reads from what came along, else from the source's FHIR server.

    `allowed_origins` are the origins beside the source's that attachments may be fetched from;
    `fetch_seconds` is how long fetching one may take in all.
    """

    def __init__(
        self,
        client: SourceClient,
        companions: Companions | None = None,
        allowed_origins: Iterable[str] = (),
        *,
        max_attachment_bytes: int = 20 * 2**20,
        fetch_seconds: float = 60.0,
    ) -> None:
        self._client = client
        self._companions = companions or Companions(())
        self._allowed = frozenset(o for o in map(origin, allowed_origins) if o is not None)
        self._max_bytes = max_attachment_bytes
        self._seconds = fetch_seconds

    def with_companions(self, resources: Iterable[dict[str, Any]]) -> "SourceReader":
        """The same reader with other companions: those of one event."""
        return SourceReader(
            self._client,
            Companions(resources, max_attachment_bytes=self._max_bytes),
            self._allowed,
            max_attachment_bytes=self._max_bytes,
            fetch_seconds=self._seconds,
        )

    async def read_resource(self, reference: str) -> dict[str, Any]:
        reference = self.relative(reference)
        found = self._companions.find(reference)
        if found is not None:
            return found
        named = relative_reference(reference)
        if named is None:  # another server's resource: never asked, so not there
            raise UnreadableReport(Reason.RESOURCE_NOT_FOUND)
        try:
            return await self._client.read(named.type, named.id, named.version)
        except OncofhirError as error:
            if error.reason in _ABSENT:
                raise UnreadableReport(error.reason) from error
            raise

    async def fetch_attachment(self, url: str, accept: str) -> tuple[bytes, str | None]:
        url = self.relative(url)
        named = relative_reference(url)
        if named is not None and named.type != "Binary":
            raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED)
        is_allowed = origin(url) in self._allowed
        if not is_allowed and (binary := self._companions.binary(url)) is not None:
            return decode_binary(binary, self._max_bytes)
        if named is None and not is_allowed:
            raise UnreadableReport(Reason.ATTACHMENT_URL_REFUSED)
        try:
            content, content_type = await self._client.read_binary(
                url, accept, self._fetch_policy()
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
        """A Binary resource may stand around the content: base64 is longer by a third."""
        bounds = Bounds(self._max_bytes * 4 // 3 + _AROUND_BASE64, self._seconds)
        return FetchPolicy(bounds, lambda url: origin(url) in self._allowed)

    def relative(self, url: str) -> str:
        return relative_to(self._client.base_url, url) or url


def decode_binary(binary: Mapping[str, Any], max_bytes: int) -> tuple[bytes, str | None]:
    """The content of a Binary resource.

    Raises:
        UnreadableReport: empty-attachment, invalid-base64, attachment-too-large, invalid-resource.
    """
    data = string(binary, "data", "Binary")
    if data is None:
        raise UnreadableReport(Reason.EMPTY_ATTACHMENT, "Binary.data")
    return decode_base64(data, "Binary.data", max_bytes), string(binary, "contentType", "Binary")


def unwrap_binary(
    content: bytes, content_type: str | None, max_bytes: int
) -> tuple[bytes, str | None]:
    """The content itself when a server answered with the Binary resource around it."""
    name = (content_type or "").partition(";")[0].strip().lower()
    if name not in _FHIR_JSON:
        return content, content_type
    try:
        resource = json.loads(content)
    except (ValueError, RecursionError):
        return content, content_type
    if isinstance(resource, dict) and resource.get("resourceType") == "Binary":
        return decode_binary(resource, max_bytes)
    return content, content_type
