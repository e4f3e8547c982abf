"""Downloads the files of an export, with the export's credentials or without any, as the manifest says.

Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html (output files, `requiresAccessToken`).
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from oncofhir.fhir.references import server_origin
from oncofhir.fhir.rest.bounded_fetch import Bounds
from oncofhir.fhir.rest.transport import Transport
from oncofhir.ingest.backfill.bulk_export.jobs import ExportedFile, ExportExpiredError
from oncofhir.ingest.backfill.patience import Patience
from oncofhir.schemas.errors import AccessDenied, UnreadableReport
from oncofhir.schemas.reasons import Reason

_NDJSON = "application/fhir+ndjson"
_GONE = (404, 410)
_BOUNDS = Bounds(max_bytes=2**37, seconds=6 * 3600.0)
_ISSUES = ("fatal", "error", "warning", "information")


class ExportDownloads:
    """Downloads from the server itself and, with its credentials, from the listed origins.

    Args:
        trusted: transports with credentials, the server's own first; each for its own origin.
        anonymous: a transport without credentials.
    """

    def __init__(
        self, trusted: Sequence[Transport], anonymous: Transport, patience: Patience
    ) -> None:
        self._trusted = list(trusted)
        self._anonymous = anonymous
        self._patience = patience

    async def download(self, file: ExportedFile, into: Path, *, with_token: bool) -> None:
        """Download a file.

        Raises:
            ExportExpiredError: the server has no such file any more.
            AccessDenied: it refuses the credentials, or needs them on an origin that may not get them.
            DependencyUnavailable: it stays unavailable.
        """
        transport = self._transport(file.url) if with_token else self._anonymous
        partial = into.with_suffix(".partial")

        async def once() -> int:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                response = await transport.request(
                    "GET",
                    file.url,
                    headers={"accept": _NDJSON},
                    may_be=_GONE,
                    bounds=_BOUNDS,
                    into=stream,
                )
            return response.status_code

        try:
            status = await self._patience.call(once)
        except UnreadableReport as error:  # too large, or an address of this machine
            raise AccessDenied(
                Reason.STORE_ACCESS_DENIED, server_origin(file.url), error.reason.value
            ) from error
        if status in _GONE:
            raise ExportExpiredError
        partial.replace(into)

    def _transport(self, url: str) -> Transport:
        """Return the transport whose credentials the origin of a file may get.

        Raises:
            AccessDenied: there is none.
        """
        for transport in self._trusted:
            if transport.is_own(url):
                return transport
        origin = server_origin(url)
        detail = "the manifest wants the access token sent to this server"
        if origin is not None and origin.startswith("https://"):
            detail += f"; if it may have it, add --file-origin {origin}"
        else:
            detail += " without TLS, where it is never sent: let the server name its files by https"
        raise AccessDenied(Reason.STORE_ACCESS_DENIED, origin, detail)

    async def aclose(self) -> None:
        for transport in (*self._trusted, self._anonymous):
            await transport.aclose()


def count_lines(file: Path) -> int:
    """Count the lines of a file that are not blank."""
    with file.open("rb") as stream:
        return sum(1 for line in stream if line.strip())


def issue_counts(file: Path) -> Counter[str]:
    """Count the issues of the OperationOutcomes in an NDJSON file by severity; `error` for a broken line."""
    counts: Counter[str] = Counter()
    with file.open("rb") as stream:
        for line in stream:
            if not line.strip():
                continue
            try:
                issues = json.loads(line)["issue"]
                severities = [issue["severity"] for issue in issues]
            except (ValueError, TypeError, KeyError, RecursionError):
                severities = ["error"]
            counts.update(s if s in _ISSUES else "error" for s in severities)
    return counts
