"""Publishes the rows of documents that a human changed, and remembers what is not published yet."""

import asyncio

import structlog

from oncofhir.consumers.kafka.publisher import Publisher
from oncofhir.consumers.publishing.row_messages import finding_messages, own_headers
from oncofhir.fhir.store.head import Head
from oncofhir.review.worklist.index import FindingIndex
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, RequestRejected
from oncofhir.schemas.outcome import PhenotypeRow
from oncofhir.settings import KafkaSettings

log = structlog.get_logger(__name__)


class ReviewPublisher:
    """Rows for the phenotype topic; without a configured broker nothing is published.

    The intention is noted before the store is written, and deleted when the broker has acknowledged the rows:
    a crash between the two loses nothing. Rows may be published twice, under the same revision.
    """

    def __init__(self, settings: KafkaSettings, index: FindingIndex) -> None:
        self._settings = settings
        self._index = index
        self.publishes = "bootstrap_servers" in settings.model_fields_set
        self._publisher = Publisher(settings) if self.publishes else None

    async def aclose(self) -> None:
        if self._publisher is not None:
            await self._publisher.close()

    async def intend(self, head: Head) -> None:
        """Note that the rows above the head's revision will have to be published."""
        if self.publishes:
            await asyncio.to_thread(self._index.intend_to_publish, head.document, head.revision)

    async def publish(self, head: Head, after: int) -> int:
        """Publish the rows of a head above a revision; how many the broker has acknowledged.

        Raises:
            DependencyUnavailable, AccessDenied, RequestRejected: as the broker answered.
        """
        if self._publisher is None:
            return 0
        rows = [row for row in head.published_rows if row.revision > after]
        await self._publisher.publish(finding_messages(rows, self._settings, own_headers()))
        await asyncio.to_thread(self._index.published, head.document)
        return len(rows)

    async def try_to_publish(self, head: Head, after: int) -> bool:
        """Publish, or leave it to the next pass of the watcher; whether it is published."""
        try:
            await self.publish(head, after)
        except (DependencyUnavailable, AccessDenied, RequestRejected) as error:
            log.warning("rows wait for the broker", reason=error.reason.value)
            return False
        return self.publishes


def changed_findings(before: Head, after: Head) -> frozenset[str]:
    """The findings whose rows differ, whatever their revision."""
    known = {row.finding: _without_revision(row) for row in before.published_rows}
    return frozenset(
        row.finding
        for row in after.published_rows
        if known.get(row.finding) != _without_revision(row)
    )


def with_revision(before: Head, after: Head) -> Head:
    """Return the head under the next revision, which only the rows that changed have."""
    changed = changed_findings(before, after)
    revision = before.revision + 1
    rows = tuple(
        row.model_copy(update={"revision": revision}) if row.finding in changed else row
        for row in after.rows
    )
    reviews = {
        finding: review.model_copy(
            update={"added": review.added.model_copy(update={"revision": revision})}
        )
        if review.added is not None and finding in changed
        else review
        for finding, review in after.reviews.items()
    }
    return after.model_copy(update={"revision": revision, "rows": rows, "reviews": reviews})


def _without_revision(row: PhenotypeRow) -> PhenotypeRow:
    return row.model_copy(update={"revision": 0})
