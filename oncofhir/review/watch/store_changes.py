"""What has changed on a FHIR server since a time: by search, by history, or by looking for each resource.

Sources: http://hl7.org/fhir/R4/search.html#lastUpdated, http://hl7.org/fhir/R4/http.html#history.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from oncofhir.fhir.elements import instant
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.paging import next_page, search_pages
from oncofhir.fhir.store.entries import reference_to
from oncofhir.schemas.errors import RequestRejected, UnreadableReport

PAGE = 200
# A transaction may become visible after one with a later lastUpdated; what is read again costs little.
OVERLAP = timedelta(seconds=10)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_IDS_PER_SEARCH = 50
_MOST_PAGES = 100


def last_updated(resource: dict[str, Any]) -> datetime | None:
    """Return meta.lastUpdated."""
    text = resource.get("meta", {}).get("lastUpdated")
    return instant(text) if isinstance(text, str) else None


async def changed_since(
    client: FhirClient,
    type: str,  # noqa: A002
    token: str,
    since: datetime | None,
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the resources with an identifier of the system of `token` ("system|"), oldest change first.

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: as the server answered.
    """
    params = {"identifier": token, "_sort": "_lastUpdated", "_count": str(PAGE)}
    if since is not None:
        params["_lastUpdated"] = f"ge{_time(_before(since))}"
    async for page in search_pages(client, type, params):
        yield page


async def deleted_since(client: FhirClient, type: str, since: datetime) -> set[str] | None:  # noqa: A002
    """Return the references of the resources that were deleted since; None where there is no type history.

    Raises:
        DependencyUnavailable, AccessDenied: as the server answered.
    """
    begin = _before(since)
    url: str | None = f"{client.base_url}/{type}/_history?_since={_time(begin)}&_count={PAGE}"
    deleted: set[str] = set()
    pages = 0
    while url is not None:
        try:
            bundle = await client.read_page(url)
        except (RequestRejected, UnreadableReport):
            return None
        pages += 1
        entries = [entry for entry in bundle.get("entry") or () if isinstance(entry, dict)]
        for entry in entries:
            request = entry.get("request") or {}
            if request.get("method") == "DELETE":
                deleted.add(_reference(str(request.get("url")), type))
        # Some servers leave _since out of the link to the next page.
        times = [last_updated(e["resource"]) for e in entries if e.get("resource")]
        is_past = any(at is not None and at < begin for at in times)
        url = None if is_past or pages >= _MOST_PAGES else next_page(client, bundle, type)
    return deleted


async def missing(client: FhirClient, references: Iterable[str]) -> set[str]:
    """Return which resources the server does not have, by searching for their ids.

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: as the server answered.
    """
    wanted: dict[str, list[str]] = {}
    for reference in references:
        kind, _, ident = reference.partition("/")
        wanted.setdefault(kind, []).append(ident)
    absent: set[str] = set()
    for kind, idents in wanted.items():
        for start in range(0, len(idents), _IDS_PER_SEARCH):
            some = idents[start : start + _IDS_PER_SEARCH]
            params = {"_id": ",".join(some), "_elements": "id", "_count": str(len(some))}
            found: set[str] = set()
            async for page in search_pages(client, kind, params):
                found |= {reference_to(resource) for resource in page}
            absent |= {f"{kind}/{ident}" for ident in some} - found
    return absent


def _reference(url: str, type: str) -> str:  # noqa: A002
    """Return `Type/id` of the request of a history entry."""
    path = url.split("?", maxsplit=1)[0].split("/_history", maxsplit=1)[0].rstrip("/")
    return f"{type}/{path.rsplit('/', 1)[-1]}"


def _before(moment: datetime) -> datetime:
    """Return the time from which to read, if all up to a moment was read; a server may say the year 1."""
    return max(moment, _EARLIEST) - OVERLAP


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
