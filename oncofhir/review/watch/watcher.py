"""Follows the store: documents that runs wrote, and resources that others edited or deleted."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

import structlog

from oncofhir.fhir.store.entries import reference_to, version_id_of
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head_task import from_task
from oncofhir.review.documents import Documents
from oncofhir.review.watch.counts import PassCounts
from oncofhir.review.watch.edited import EditedDocuments
from oncofhir.review.watch.store_changes import changed_since, deleted_since, last_updated, missing
from oncofhir.review.watch.watch_metrics import WatchMetrics
from oncofhir.schemas.errors import (
    OncofhirError,
    RequestRejected,
    StoreConflict,
    UnreadableReport,
)
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer

_ESSENTIAL = ("Condition", "Observation")
TYPES = (*_ESSENTIAL, "Specimen", "BodyStructure")  # some servers do not know the last two
_SWEEP_EVERY = 20  # passes, where the server has no type history
_AT_ONCE = 8
log = structlog.get_logger(__name__)


class Watcher:
    """One pass after another over what has changed. The index keeps how far it has come."""

    def __init__(
        self,
        documents: Documents,
        edited: EditedDocuments,
        clock: Callable[[], datetime],
        metrics: WatchMetrics,
        tracer: Tracer = NO_TRACING,
    ) -> None:
        self._documents = documents
        self._edited = edited
        self._clock = clock
        self._metrics = metrics
        self._tracer = tracer
        self._index = documents.index
        self._passes = 0

    async def run_once(self, *, sweep: bool = False) -> PassCounts:
        """Bring index, heads and topic to what the store holds now. Resumes where an earlier pass ended.

        `sweep` looks for each known resource also where the server reports deletions.

        Raises:
            DependencyUnavailable, AccessDenied, RequestRejected: as the store or the broker answered. What
                was done so far stays, and the next pass repeats the rest.
        """
        with self._tracer.span("review watch"):
            return await self._pass(sweep=sweep)

    async def _pass(self, *, sweep: bool) -> PassCounts:
        tasks, at = await self._follow_heads()
        seen, candidates, cursors = await self._changed_resources()
        candidates |= await self._deleted(seen | tasks, sweep=sweep)
        counts = PassCounts(documents=len(tasks), resources=len(seen))
        counts = await self._read_edits(sorted(candidates), counts)
        await self._note({"Task": at, **cursors})
        self._passes += 1
        published = await self._edited.publish_rest()
        return counts.model_copy(update={"published": published})

    async def run(self, stop: asyncio.Event, poll_seconds: float) -> None:
        """Pass after pass until `stop` is set. A failure is logged, and the next pass catches up."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                counts = await self.run_once()
                await self._metrics.passed(counts, time.monotonic() - began)
                if counts.rows or counts.failed:
                    log.info("followed the store", **counts.model_dump())
            except OncofhirError as error:
                log.warning("following the store failed; trying again", reason=error.reason.value)
                await self._metrics.failed(error.reason.value)
            try:
                await asyncio.wait_for(stop.wait(), poll_seconds)
            except TimeoutError:
                continue

    async def _follow_heads(self) -> tuple[set[str], datetime | None]:
        """Bring the heads that changed into the index; their references, and the time of the last change."""
        latest = since = await self._cursor("Task")
        seen: set[str] = set()
        token = f"{self._documents.systems.document}|"
        async for page in changed_since(self._documents.client, "Task", token, since):
            for task in page:
                latest = _later(latest, last_updated(task))
                try:
                    head = from_task(task)
                except RequestRejected:
                    continue  # not a head of this service
                if not head.is_reservation:
                    await self._documents.saw(head)
                    seen.add(reference_to(task))
        return seen, latest

    async def _changed_resources(self) -> tuple[set[str], set[str], dict[str, datetime | None]]:
        """Return what changed, and the documents of which a resource differs from what the head knows."""
        seen: set[str] = set()
        candidates: set[str] = set()
        cursors: dict[str, datetime | None] = {}
        for kind in TYPES:
            try:
                cursors[kind] = await self._changed_of(kind, seen, candidates)
            except (RequestRejected, UnreadableReport):
                if kind in _ESSENTIAL:
                    raise
                if self._passes == 0:
                    log.info("the FHIR server cannot be searched for changes of a type", type=kind)
        return seen, candidates, cursors

    async def _changed_of(self, kind: str, seen: set[str], candidates: set[str]) -> datetime | None:
        """As `_changed_resources`, for one type; the time of its last change."""
        latest = since = await self._cursor(kind)
        token = f"{self._documents.systems.finding}|"
        versions: dict[str, str | None] = {}
        async for page in changed_since(self._documents.client, kind, token, since):
            for resource in page:
                latest = _later(latest, last_updated(resource))
                reference = reference_to(resource)
                seen.add(reference)
                known = await asyncio.to_thread(self._index.resource, reference)
                if known is None:
                    continue
                versions[reference] = version_id_of(resource)
                if known.expected != fingerprint(resource):
                    candidates.add(known.document)
        await asyncio.to_thread(self._index.saw, versions)
        return latest

    async def _deleted(self, seen: set[str], *, sweep: bool) -> set[str]:
        """Return the documents of which a resource or the head was deleted."""
        gone: set[str] = set()
        is_first = await self._cursor("Task") is None
        sweep = sweep or is_first
        for kind in () if sweep else (*TYPES, "Task"):
            since = await self._cursor(kind)
            found = await deleted_since(self._documents.client, kind, since) if since else set()
            if found is None:  # no type history: look for each resource now and then
                sweep = self._passes % _SWEEP_EVERY == 0
                break
            gone |= found
        if sweep:
            references = await asyncio.to_thread(self._index.references)
            references += await asyncio.to_thread(self._index.tasks)
            unseen = [reference for reference in references if reference not in seen]
            gone = await missing(self._documents.client, unseen)
        return set(filter(None, [await asyncio.to_thread(self._lost, one) for one in gone]))

    def _lost(self, reference: str) -> str | None:
        """The document that lost a resource or its head; None if that is known."""
        kind, _, ident = reference.partition("/")
        if kind == "Task":
            return self._index.document_of_task(ident)
        known = self._index.resource(reference)
        return known.document if known is not None and known.expected else None

    async def _read_edits(self, candidates: list[str], counts: PassCounts) -> PassCounts:
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(document: str) -> tuple[int, int, int]:
            async with limit:
                try:
                    result = await self._edited.read(document)
                except (StoreConflict, RequestRejected) as error:
                    log.warning("an edit could not be read", reason=error.reason.value)
                    return 0, 0, 1
                return result.edited, result.changed, 0

        done = await asyncio.gather(*map(one, candidates), return_exceptions=True)
        for result in done:
            if isinstance(result, BaseException):
                raise result
        totals = [sum(column) for column in zip(*done, strict=True)] or [0, 0, 0]
        update = dict(zip(("edited", "rows", "failed"), totals, strict=True))
        return counts.model_copy(update=update)

    async def _cursor(self, kind: str) -> datetime | None:
        text = await asyncio.to_thread(self._index.get, f"cursor:{kind}")
        return datetime.fromisoformat(text) if text else None

    async def _note(self, cursors: dict[str, datetime | None]) -> None:
        for kind, at in cursors.items():
            if at is not None:
                await asyncio.to_thread(self._index.set, f"cursor:{kind}", at.isoformat())
        await asyncio.to_thread(self._index.set, "as_of", self._clock().isoformat())


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)
