"""A document that was edited with another FHIR client: the head learns of it, and its rows are published."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import structlog

from oncofhir.fhir.review.edits import Author, author_of
from oncofhir.fhir.review.unread import review_after_edit, rows_on
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head
from oncofhir.review.documents import Documents, Stored
from oncofhir.review.publishing import ReviewPublisher, changed_findings, with_revision
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import RequestRejected, StoreConflict, UnreadableReport

_ATTEMPTS = 3
log = structlog.get_logger(__name__)
Authors = Mapping[str, Author]


class EditResult(Value):
    """What a look at a document found: edited resources, and rows that changed."""

    edited: int = 0
    changed: int = 0


class EditedDocuments:
    """Reads edits of one document after another. `lock` keeps verdicts on the same document out."""

    def __init__(
        self,
        documents: Documents,
        publisher: ReviewPublisher,
        lock: Callable[[str], AbstractAsyncContextManager[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._documents = documents
        self._publisher = publisher
        self._lock = lock
        self._clock = clock

    async def read(self, document: str) -> EditResult:
        """Read the edits of a document and keep them in its head. `publish_rest` publishes the rows.

        Raises:
            StoreConflict: other writers changed the head again and again.
            DependencyUnavailable, AccessDenied, RequestRejected: as the store answered.
        """
        async with self._lock(document):
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    return await self._read(document)
                except StoreConflict:
                    if attempt == _ATTEMPTS:
                        raise
        raise AssertionError("the loop returns or raises")  # pragma: no cover

    async def _read(self, document: str) -> EditResult:
        head = await self._documents.head(document)
        if head is None:
            await asyncio.to_thread(self._documents.index.forget, document)
            return EditResult()
        if head.write_in_progress:  # it comes again when its run is complete
            return EditResult()
        head, stored = await self._documents.read_current(head)
        unread = head.unread_edits(stored)
        if not unread:
            await self._documents.saw(head, stored)
            return EditResult()
        authors = {reference: await self._author(head, stored, reference) for reference in unread}
        new = with_edits(head, stored, unread, authors)
        changed = changed_findings(head, new)
        if changed:
            await self._publisher.intend(head)
        new = await self._documents.write([], new, head)
        await self._documents.saw(new, stored)
        return EditResult(edited=len(unread), changed=len(changed))

    async def publish_rest(self) -> int:
        """Publish the rows that are not published yet: of this pass, of a crash, of an outage of the broker.

        Raises:
            DependencyUnavailable, AccessDenied, RequestRejected: as the store or the broker answered.
        """
        index = self._documents.index
        rest = await asyncio.to_thread(index.unpublished) if self._publisher.publishes else {}
        published = 0
        for document, after in rest.items():
            async with self._lock(
                document
            ):  # a verdict that is being written publishes its own rows
                head = await self._documents.head(document)
                if head is not None and head.revision > after:
                    published += await self._publisher.publish(head, after)
                else:
                    await asyncio.to_thread(index.published, document)
        return published

    async def _author(self, head: Head, stored: Stored, reference: str) -> Author:
        """Who edited, by the Provenance of the resource where the server finds it; now, for a deletion."""
        resource = stored.get(reference)
        provenances: list[dict[str, Any]] = []
        try:
            params = {"target": head.server_reference(reference), "_count": "50"}
            provenances = await self._documents.client.search("Provenance", params)
        except (RequestRejected, UnreadableReport):
            log.debug("Provenance cannot be searched by target")
        known = max(
            (review for review in head.reviews.values() if review.resource == reference),
            key=lambda review: review.at,
            default=None,
        )
        after = max(head.outcome.recorded, known.at) if known else head.outcome.recorded
        author = author_of(resource, provenances, after, known.reviewer if known else None)
        return author if author.at is not None else author.model_copy(update={"at": self._clock()})


def with_edits(head: Head, stored: Stored, unread: list[str], authors: Authors) -> Head:
    """Return the head that knows the edits. Content that is the machine's again has no review."""
    machine = {resource.reference: resource.fingerprint for resource in head.resources.values()}
    content = dict(head.reviewed_content)
    reviews = dict(head.reviews)
    added = tuple(r.added for r in head.reviews.values() if r.added is not None)
    for reference in unread:
        resource = stored.get(reference)
        mark = fingerprint(resource) if resource is not None else ""
        is_machines = mark == machine.get(reference)
        content.pop(reference, None)
        if not is_machines:
            content[reference] = mark
        for row in rows_on((*head.rows, *added), reference):
            review = (
                None
                if is_machines
                else review_after_edit(
                    resource,
                    row,
                    reviews.get(row.finding),
                    authors[reference],
                    text_hash=head.current_text_hash,
                )
            )
            if review is None:
                reviews.pop(row.finding, None)
            else:
                reviews[row.finding] = review
    update = {"reviews": reviews, "reviewed_content": content}
    return with_revision(head, head.model_copy(update=update))
