"""A Bulk Data export on a server: kick-off, polling, manifest, deletion.

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html, http://hl7.org/fhir/R4/async.html.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from oncofhir.fhir.references import server_origin
from oncofhir.fhir.rest.responses import OK, error_for_status, issue_codes
from oncofhir.fhir.rest.retry import retry_after_seconds
from oncofhir.fhir.rest.transport import FHIR_JSON, Transport
from oncofhir.ingest.backfill.patience import Patience
from oncofhir.schemas.backoff import Backoff
from oncofhir.schemas.errors import DependencyUnavailable, OncofhirError, UnsuitableServer
from oncofhir.schemas.reasons import Reason

_ACCEPTED = 202
_NOT_OFFERED = (301, 302, 303, 307, 308, 404, 405, 501)
_ABSENT = frozenset({404, 410})
_BUSY = frozenset({408, 425, 429, 502, 503, 504})
_SERVER_ERRORS = range(500, 600)
# http://hl7.org/fhir/R4/codesystem-issue-type.html: `transient` and the codes below it
_TRANSIENT = frozenset(
    {"transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled"}
)
_POLL = Backoff(first=1.0, longest=60.0)
_PERCENT = re.compile(r"(?<!\d)(\d{1,3}(?:\.\d{1,2})?) ?%")


class ExportExpiredError(Exception):
    """The server has forgotten the export, or its files: it has to be started again."""


class ExportFailedError(Exception):
    """The server ended the export with an error."""


@dataclass(frozen=True)
class ExportRequest:
    """What to export: resource types, since when (FHIR instant), of which Group or of all Patients."""

    types: tuple[str, ...]
    since: str | None = None
    group: str | None = None
    all_patients: bool = False
    type_filters: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        if self.group is not None:
            return f"/Group/{self.group}/$export"
        return "/Patient/$export" if self.all_patients else "/$export"

    @property
    def params(self) -> dict[str, str | Sequence[str]]:
        params: dict[str, str | Sequence[str]] = {
            "_outputFormat": "application/fhir+ndjson",
            "_type": ",".join(self.types),
        }
        if self.since is not None:
            params["_since"] = self.since
        if self.type_filters:
            params["_typeFilter"] = list(self.type_filters)
        return params


@dataclass(frozen=True)
class ExportedFile:
    """A file of a manifest: address, resource type and, if the server states it, the number of its lines."""

    url: str
    type: str
    count: int | None


@dataclass(frozen=True)
class Manifest:
    """A finished export. `deleted` files hold Bundles of deletions, `errors` OperationOutcomes."""

    transaction_time: str | None
    requires_access_token: bool
    output: tuple[ExportedFile, ...]
    deleted: tuple[ExportedFile, ...]
    errors: tuple[ExportedFile, ...]

    @property
    def layout(self) -> list[list[Any]]:
        """Return type and count of each file: a manifest that was only signed again has the same."""
        return [[file.type, file.count] for file in (*self.output, *self.deleted)]


class ExportJobs:
    """Exports on one server. Polls as `Retry-After` says, and every `longest_poll` seconds at least."""

    def __init__(
        self,
        transport: Transport,
        patience: Patience,
        *,
        longest_poll: float = 3600.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._patience = patience
        self._longest_poll = longest_poll
        self._sleep = sleep

    async def kick_off(self, request: ExportRequest) -> str:
        """Start an export and return the address of its status.

        Raises:
            UnsuitableServer: the server offers no export.
            RequestRejected: it does not export this.
            DependencyUnavailable, AccessDenied: as the server answers.
        """
        base = self._transport.base_url
        response = await self._patience.call(
            lambda: self._transport.request(
                "GET",
                base + request.path,
                params=request.params,
                headers={"prefer": "respond-async", "accept": FHIR_JSON},
                may_be=_NOT_OFFERED,
            )
        )
        if response.status_code in _NOT_OFFERED:
            raise UnsuitableServer(
                Reason.STORE_FAILED,
                f"{base}{request.path}",
                f"HTTP {response.status_code}: no Bulk Data export here; check the address, or use "
                "'oncofhir backfill search'",
            )
        location = response.headers.get("content-location", "")
        if response.status_code != _ACCEPTED or not location:
            raise self._failed(
                "the server did not accept the export asynchronously (HTTP 202, Content-Location)"
            )
        return self.own_address(urljoin(f"{base}/", location))

    async def manifest(self, status: str, on_progress: Callable[[str], None]) -> Manifest:
        """Poll until the export is finished.

        Raises:
            ExportExpiredError: the server does not know it any more.
            ExportFailedError: it failed.
            DependencyUnavailable, AccessDenied: the server stays unavailable, or refuses the credentials.
        """
        polls = 0
        while True:
            response = await self._patience.call(lambda: self._poll(status))
            if response.status_code in _ABSENT:
                raise ExportExpiredError
            if response.status_code in OK and response.status_code != _ACCEPTED:
                return self._manifest(response)
            polls += 1
            asked = retry_after_seconds(response.headers.get("retry-after", ""))
            wait = _POLL.delay(polls) if asked is None else max(asked, _POLL.first)
            percent = _PERCENT.search(response.headers.get("x-progress", ""))
            done = f", {percent[1]}% done" if percent else ""
            on_progress(f"the server prepares the export{done}")
            await self._sleep(min(wait, self._longest_poll))

    async def _poll(self, status: str) -> httpx2.Response:
        """Ask for the status once; an answer that says nothing about the export is an outage."""
        response = await self._transport.request(
            "GET",
            status,
            headers={"accept": "application/json"},
            may_be=(*_ABSENT, *_BUSY, *_SERVER_ERRORS),
        )
        code = response.status_code
        if code in _BUSY:
            after = response.headers.get("retry-after", "")
            raise error_for_status(code, self._transport.base_url, retry_after=after)
        if code in _SERVER_ERRORS:
            if _TRANSIENT & set(issue_codes(response)):
                raise error_for_status(code, self._transport.base_url)
            raise ExportFailedError(f"HTTP {code}")
        return response

    async def delete(self, status: str) -> bool:
        """Tell the server that the files may be removed. Return whether it accepted that."""
        try:
            response = await self._transport.request("DELETE", status, may_be=tuple(_ABSENT))
        except OncofhirError:
            return False
        return response.status_code in OK  # HAPI FHIR keeps the files of a finished export (404)

    def own_address(self, url: str) -> str:
        """Return an address on the server's own origin if its path is below the server's base.

        A server behind a proxy may write addresses with its own name.
        """
        base = self._transport.base_url
        if self._transport.is_own(url) or server_origin(url) is None:
            return url
        parts, path = urlsplit(url), urlsplit(base).path.rstrip("/")
        if not path or not parts.path.startswith(f"{path}/"):
            return url
        query = f"?{parts.query}" if parts.query else ""
        return base + parts.path[len(path) :] + query

    def _manifest(self, response: httpx2.Response) -> Manifest:
        try:
            content = response.json()
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict) or not isinstance(content.get("output"), list):
            raise self._failed("the export's manifest is not as the Bulk Data IG has it")
        time = content.get("transactionTime")
        return Manifest(
            transaction_time=time if isinstance(time, str) else None,
            requires_access_token=content.get("requiresAccessToken") is not False,
            output=tuple(self._files(content, "output")),
            deleted=tuple(self._files(content, "deleted")),
            errors=tuple(self._files(content, "error")),
        )

    def _files(self, content: Mapping[str, Any], name: str) -> list[ExportedFile]:
        found = []
        listed = content.get(name)
        for entry in listed if isinstance(listed, list) else ():
            url = entry.get("url") if isinstance(entry, dict) else None
            if not isinstance(url, str) or server_origin(self.own_address(url)) is None:
                raise self._failed(f"the export's manifest has no address in {name}")
            count, kind = entry.get("count"), entry.get("type")
            is_count = isinstance(count, int) and not isinstance(count, bool) and count >= 0
            found.append(
                ExportedFile(self.own_address(url), str(kind), count if is_count else None)
            )
        return found

    def _failed(self, detail: str) -> DependencyUnavailable:
        return DependencyUnavailable(Reason.STORE_FAILED, self._transport.base_url, detail)
