"""Findings one after another and the head last, for servers without transactions.

The order is what keeps a report whole: (1) the head is reserved, (2) it announces, under the version that was
read, what will be written, (3) findings and Provenance are written, each under the version that was read,
(4) the head follows, under the version of its announcement. Until then its Task is `in-progress`, so that a
reader sees by it that the run is not complete.

A writer that is cut off is healed by its redelivery: that finds the announcement, reads what is there, writes
what is missing under the same identities, and closes the head. Of two writers the one whose announcement
came first goes on until the other takes over the head; then its own closing of the head fails (412), and on
its redelivery it decides again on the other's head: that head still has its announcement, so that what it
wrote is brought in line with its run, or, where the other's run is the newer one, entered in error
(`Repository.settle`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oncofhir.fhir.announcing import announcement
from oncofhir.fhir.capability import Capability
from oncofhir.fhir.client import FhirClient
from oncofhir.fhir.fingerprint import fingerprint
from oncofhir.fhir.head import Head, from_task, to_task
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.schemas.errors import DependencyUnavailable, StoreConflict
from oncofhir.schemas.reasons import Reason


class OneByOne:
    """Writes without transactions; see `Strategy` for the contract."""

    def __init__(
        self,
        client: FhirClient,
        systems: IdentifierSystems,
        able: Capability,
        *,
        sources: SourceReferences = SAME,
    ) -> None:
        self._client = client
        self._systems = systems
        self._sources = sources
        self._able = able

    async def reserve(self, head: Head, condition: Mapping[str, str]) -> Head:
        """As `Strategy`; of several empty heads the first by id counts, and the others are given up.

        There may be several when servers let two conditional creates at the same time both create.
        """
        found = await self._heads(condition)
        if not found:
            once = condition if self._able.of("Task").conditional_create else None
            await self._client.post(self._task(head), once)
            found = await self._heads(condition)
        if not found:
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._client.base_url, "created, not found"
            )
        counts, *others = found
        for other in others:
            if other.is_reservation:
                await self._give_up(other)
        return counts

    async def _heads(self, condition: Mapping[str, str]) -> list[Head]:
        """Those that match: heads that were written first, then the empty ones, each by id."""
        heads = [from_task(task) for task in await self._client.search("Task", condition)]
        return sorted(heads, key=lambda head: (head.is_reservation, head.id or ""))

    async def _give_up(self, head: Head) -> None:
        """Nothing finds it any more; nothing is deleted."""
        task = self._task(head) | {"status": "cancelled"}
        del task["identifier"]
        await self._client.put(task, head.version_id)

    async def stored(self, references: Sequence[str]) -> dict[str, dict[str, Any]]:
        """As `Strategy`."""
        return await self._client.read_many(references, batch=self._able.batch)

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """As `Strategy`, in the order that the module says."""
        version = before.version_id
        if entries:
            announced = announcement(before, new, entries)
            version = await self._client.put(self._task(announced), version)
        for entry in entries:
            await self._put(entry)
        version = await self._client.put(self._task(new), version)
        return new.model_copy(update={"version_id": version})

    def _task(self, head: Head) -> dict[str, Any]:
        return to_task(head, self._systems, self._sources)

    async def _put(self, entry: dict[str, Any]) -> None:
        """Write an entry; that another writer did the same meanwhile is no conflict."""
        resource, guard = entry["resource"], entry["request"].get("ifMatch")
        try:
            await self._client.put(resource, guard and guard.removeprefix('W/"').removesuffix('"'))
        except StoreConflict:
            there = await self._client.read(resource["resourceType"], resource["id"])
            if fingerprint(there) != fingerprint(resource):
                raise
