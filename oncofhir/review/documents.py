"""Documents of one store: their heads and resources, and their place in the index."""

import asyncio
from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.entries import version_id_of
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.head_task import from_task
from oncofhir.fhir.store.repository import Repository
from oncofhir.review.worklist.index import FindingIndex
from oncofhir.review.worklist.items import items_of
from oncofhir.schemas.errors import RequestRejected, UnreadableReport
from oncofhir.schemas.outcome import PhenotypeRow

Stored = Mapping[str, dict[str, Any]]
"""Resources by this service's reference."""


class Documents:
    """Reads heads and resources, writes them under the version that was read, and keeps the index current."""

    def __init__(
        self,
        client: FhirClient,
        repository: Repository,
        index: FindingIndex,
        systems: IdentifierSystems,
        *,
        site: str,
        low_confidence: float,
    ) -> None:
        self.client = client
        self.repository = repository
        self.index = index
        self.systems = systems
        self._site = site
        self._low_confidence = low_confidence

    async def head(self, document: str) -> Head | None:
        """Read the head of a document; None if the store has none.

        A store that was restored from a backup may have an older head than the one that was seen last. The
        revision continues from that one: rows of a lower revision would not count.

        Raises:
            DependencyUnavailable, AccessDenied: as the store answered.
        """
        head = await self._read_head(document)
        known = await asyncio.to_thread(self.index.revision_of, document)
        if head is not None and known is not None and known > head.revision:
            return head.model_copy(update={"revision": known})
        return head

    async def _read_head(self, document: str) -> Head | None:
        task = await asyncio.to_thread(self.index.task_of, document)
        if task:
            try:
                return from_task(await self.client.read("Task", task))
            except (UnreadableReport, RequestRejected):
                pass  # it was deleted, or created under another id after a restore
        token = f"{self.systems.document}|{document}"
        for found in await self.client.search("Task", {"identifier": token}):
            head = from_task(found)
            if head.document == document and not head.is_reservation:
                return head
        return None

    async def read_current(self, head: Head) -> tuple[Head, Stored]:
        """Read the head's resources as they are stored, also those that reviewers added."""
        return await (await self.repository.access()).heads.read_current(head)

    async def write(self, entries: list[dict[str, Any]], new: Head, before: Head) -> Head:
        """Write resources and head, all or nothing where the store has transactions.

        Raises:
            StoreConflict: the head or a resource changed since it was read.
            RequestRejected, DependencyUnavailable, AccessDenied: as the store answered.
        """
        return await (await self.repository.access()).heads.write(entries, new, before)

    async def saw(self, head: Head, stored: Stored | None = None) -> None:
        """Bring a head, and its resources if they were read, into the index."""
        await asyncio.to_thread(self._index, head, stored)

    def _index(self, head: Head, stored: Stored | None) -> None:
        seen: dict[str, str | None] = {}
        if stored is not None:
            seen = {
                head.server_reference(reference): version_id_of(stored.get(reference))
                for reference in head.tracked_references
            }
        versions = self.index.versions(head.document) | seen
        items = items_of(head, versions, site=self._site, low_confidence=self._low_confidence)
        self.index.put_document(head, items)
        if seen:
            self.index.saw(seen)


def row_of(head: Head, finding: str) -> PhenotypeRow | None:
    """The row of a finding under its review, with this service's reference; None if there is none."""
    return next((row for row in head.rows_in_force if row.finding == finding), None)


def machine_row_of(head: Head, finding: str) -> PhenotypeRow | None:
    """The row as the machine, or the reviewer who added the finding, first stated it."""
    review = head.reviews.get(finding)
    if review is not None and review.added is not None:
        return review.added
    return next((row for row in head.rows if row.finding == finding), None)
