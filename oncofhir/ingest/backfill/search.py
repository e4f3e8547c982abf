"""A search as a source, in the order of `_lastUpdated`.

Each page is a new search that begins at the last resource's `meta.lastUpdated`: links that change or expire
do not matter, and a resource that is updated meanwhile moves to the end instead of shifting the pages. Links
are followed only through resources of one and the same instant that are more than a page. What is read again
that way is recognized by type, id and version. There is no upper bound: what is updated while the search runs
is read as well, since nobody can say that the live topics carry it.

Source: http://hl7.org/fhir/R4/search.html (`_lastUpdated`, `_sort`, `_count`).
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from oncofhir.fhir.rest.paging import next_link, own_page
from oncofhir.fhir.rest.reader import FhirReader
from oncofhir.fhir.rest.responses import resources_of
from oncofhir.ingest.backfill.patience import Patience
from oncofhir.ingest.backfill.source import Extent, Item, Notes, Position
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected, UnsuitableServer
from oncofhir.schemas.event import REPORT_TYPES
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import SettingsError

_UPDATED = "_lastUpdated"
# Parameters that the backfill sets itself, and those that leave out parts of the resources.
_OWN = frozenset({"_sort", "_count"})
_PARTIAL = frozenset({"_summary", "_elements", "_include", "_revinclude", "_contained"})
_BEGAN = "until"  # the name in state files of 0.2.0
_TOLERANCE = timedelta(seconds=1)  # servers may compare seconds only
_LARGEST_PAGE = 10_000  # that is asked for
_MOST_PASSES = 10  # through the pages of one instant


@dataclass(frozen=True)
class Query:
    """A search for reports of one type."""

    type: str
    params: tuple[tuple[str, str], ...] = ()

    def values(self, name: str) -> list[str]:
        """Return the values of a parameter."""
        return [value for key, value in self.params if key == name]

    def merged(self, **more: Sequence[str]) -> dict[str, Sequence[str]]:
        """Return the parameters by name, with further ones."""
        names = dict.fromkeys([*(key for key, _ in self.params), *more])
        return {name: [*self.values(name), *more.get(name, ())] for name in names}


def parse_query(text: str) -> Query:
    """Parse `Type` or `Type?parameters`.

    Raises:
        SettingsError: the type is none of reports, or a parameter is the backfill's own.
    """
    kind, _, query = text.strip().removeprefix("/").partition("?")
    if kind not in REPORT_TYPES:
        raise SettingsError(f"a search begins with {' or '.join(REPORT_TYPES)}, not {kind[:40]!r}")
    params = tuple(parse_qsl(query, keep_blank_values=True))
    for name, _ in params:
        if name in _OWN:
            raise SettingsError(f"{name} is set by the backfill; --page-size sets the page")
        if name.partition(":")[0] in _PARTIAL:
            raise SettingsError(f"{name} is not possible: reports are read whole, and alone")
    return Query(kind, params)


class Search:
    """The matches of searches, one search after the other.

    A position is the number of the search and the `lastUpdated` of the last resource.
    """

    may_repeat = True
    activity = ""

    def __init__(
        self,
        reader: FhirReader,
        queries: Sequence[Query],
        *,
        page_size: int,
        patience: Patience,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._reader = reader
        self._queries = list(queries)
        self._page_size = page_size
        self._patience = patience
        self._now = now
        self._done = 0
        self._total: int | None = None

    @property
    def identity(self) -> Mapping[str, Any]:
        queries = [[query.type, *map(list, query.params)] for query in self._queries]
        return {"source": "search", "server": self._reader.base_url, "queries": queries}

    @property
    def extent(self) -> Extent:
        return Extent(self._done, None if self._total is None else max(self._total, self._done))

    async def pages(self, after: Position | None, notes: Notes) -> AsyncIterator[list[Item]]:
        """Yield the matches, also those that are updated meanwhile. A search ends at its last page.

        Raises:
            DependencyUnavailable: the server stays unavailable.
            UnsuitableServer: it does not sort by `_lastUpdated`, or does not state it.
            RequestRejected, AccessDenied: it refuses the search.
        """
        if notes.note(_BEGAN) is None:
            notes.set_note(_BEGAN, self._now().isoformat(timespec="seconds"))
        first, since = (after["query"], after["since"]) if after else (0, None)
        await self._count(first, since)
        for number in range(first, len(self._queries)):
            async for page in self._matches(number, since):
                yield page
            since = None

    async def finish(self, notes: Notes) -> Mapping[str, Any]:
        return {"server": self._reader.base_url, "updated_before": notes.note(_BEGAN)}

    async def aclose(self) -> None:
        await self._reader.aclose()

    async def _count(self, first: int, since: str | None) -> None:
        """Ask for the number of matches, for the progress only."""
        total = 0
        try:
            for number in range(first, len(self._queries)):
                params = self._params(number, since if number == first else None, 1)
                del params["_sort"], params["_count"]
                total += await self._reader.count(self._queries[number].type, params)
        except (DependencyUnavailable, RequestRejected):
            return
        self._total = total

    def _params(
        self, number: int, since: str | None, count: int, after: str = "ge"
    ) -> dict[str, Sequence[str]]:
        begin = {_UPDATED: [f"{after}{since}"]} if since else {}
        return self._queries[number].merged(**begin, _sort=[_UPDATED], _count=[str(count)])

    async def _bundle(self, number: int, params: dict[str, Sequence[str]]) -> dict[str, Any]:
        kind = self._queries[number].type
        return await self._patience.call(partial(self._reader.search_bundle, kind, params))

    async def _matches(self, number: int, since: str | None) -> AsyncIterator[list[Item]]:
        """Yield the matches of one search from an instant on."""
        count, after = self._page_size, "ge"
        while True:
            params = self._params(number, since, count, after)
            bundle = await self._bundle(number, params)
            items, last = self._items(number, bundle, since)
            if items:
                self._done += len(items)
                yield items
            if last != since:
                since, count, after = last, self._page_size, "ge"
            elif next_link(bundle) is None:
                return
            elif len(items) >= count and count < _LARGEST_PAGE:
                count = min(count * 4, _LARGEST_PAGE)  # all are of one instant
            else:  # the server has a largest page of its own
                async for page in self._of_instant(number, params, since):
                    self._done += len(page)
                    yield page
                after = "gt"

    async def _of_instant(
        self, number: int, params: dict[str, Sequence[str]], since: str | None
    ) -> AsyncIterator[list[Item]]:
        """Yield the resources of one instant by following links, until two passes are the same.

        A resource that is updated meanwhile leaves the instant and may shift another one over the border of a
        page. It was in that pass then and is not in the next one, so that the two differ.
        """
        before: set[bytes] | None = None
        for _ in range(_MOST_PASSES):
            seen: set[bytes] = set()
            links: set[str] = set()
            bundle: dict[str, Any] | None = await self._bundle(number, params)
            while bundle is not None:
                items, last = self._items(number, bundle, since)
                now = [item for item in items if item.position["since"] == since]
                seen.update(item.raw for item in now)
                yield now
                link = next_link(bundle)
                if last != since or link is None:
                    if seen == before:
                        return
                    before = seen
                    break
                bundle = await self._following(link, self._queries[number].type, links)
        raise self._unsuitable("links to further pages fail, or resources of one instant change")

    async def _following(self, link: str, kind: str, seen: set[str]) -> dict[str, Any] | None:
        """Read the page of a link; None: it is lost, or leads in a circle."""
        url = own_page(self._reader.base_url, link, kind)
        if url is None or url in seen:
            return None
        seen.add(url)
        try:
            return await self._reader.read_page(url)
        except (DependencyUnavailable, RequestRejected):
            return None

    def _items(
        self, number: int, bundle: dict[str, Any], since: str | None
    ) -> tuple[list[Item], str | None]:
        """Return the items of a page, and the instant of the last one."""
        query = self._queries[number]
        items = []
        for resource in resources_of(bundle, self._reader.base_url):
            if resource.get("resourceType") != query.type:
                continue  # an OperationOutcome, for instance
            meta = resource.get("meta")
            updated = meta.get("lastUpdated") if isinstance(meta, dict) else None
            moment = _moment(updated)
            if moment is None:
                raise self._unsuitable("the server states no meta.lastUpdated")
            previous = _moment(since)
            if previous is not None and moment < previous - _TOLERANCE:
                raise self._unsuitable("the server does not sort by _lastUpdated")
            if previous is None or moment > previous:
                since = str(updated)
            raw = json.dumps(resource, separators=(",", ":")).encode()
            position = {"query": number, "since": since}
            items.append(Item(f"{query.type} updated {updated}", raw, position))
        return items, since

    def _unsuitable(self, detail: str) -> UnsuitableServer:
        return UnsuitableServer(
            Reason.STORE_FAILED,
            self._reader.base_url,
            f"{detail}, so that a search cannot continue where it stopped: use 'oncofhir backfill export'",
        )


def _moment(text: object) -> datetime | None:
    """Parse an instant; None if it is none."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return None if moment is None or moment.tzinfo is None else moment
