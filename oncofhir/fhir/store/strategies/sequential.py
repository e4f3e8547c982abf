"""Findings one after another and the head last, for servers without transactions.

The order is what keeps a report whole: (1) the head is reserved, (2) it announces, under the version that was
read, what will be written, (3) findings and Provenance are written, each under the version that was read,
(4) the head follows, under the version of its announcement. Until then its Task is `in-progress`, so that a
reader sees by it that the run is not complete.

A writer that is cut off is healed by its redelivery: that finds the announcement, reads what is there, writes
what is missing under the same identities, and closes the head. Of two writers the one whose announcement
came first goes on until the other takes over the head; then its own closing of the head fails (412), and on
its redelivery it decides again on the other's head. That head still has its announcement, so what it
wrote is known as ours: it becomes part of its run, or, where the other's run is the newer one, is undone
(`Repository.settle`). The same is done at once when the store rejects one of the resources.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.capability import Capability
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head, from_task, to_task
from oncofhir.fhir.store.strategies.transaction import give_up, put_if_absent
from oncofhir.fhir.store.strategies.write_intent import announcement
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected, StoreConflict
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
            task, once = self._task(head), self._able.of("Task").conditional_create
            await self._client.create_by_post(task, condition, conditional=once)
            found = await self._heads(condition)
        if not found:
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._client.base_url, "created, not found"
            )
        counts, *others = found
        for other in others:
            if other.is_reservation:
                await give_up(self._client, other, self._systems, self._sources)
        return counts

    async def _heads(self, condition: Mapping[str, str]) -> list[Head]:
        """Those that match: heads that were written first, then the empty ones, each by id."""
        heads = [from_task(task) for task in await self._client.search("Task", condition)]
        return sorted(heads, key=lambda head: (head.is_reservation, head.id or ""))

    async def current(
        self, head: Head, also: Sequence[str] = ()
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        """As `Strategy`."""
        return head, await self.read((*head.references, *also))

    async def read(self, references: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The resources that are there, by reference."""
        return await self._client.read_many(references, batch=self._able.batch)

    async def history(self, head: Head, reference: str) -> list[dict[str, Any]]:  # noqa: ARG002
        """As `Strategy`."""
        return await self._client.history(reference)

    async def ensure(self, resource: dict[str, Any]) -> None:
        """As `Strategy`."""
        await put_if_absent(self._client, resource)

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """As `Strategy`, in the order that the module says."""
        if entries:
            before = await self.put_head(announcement(before, new, entries))
        try:
            for entry in entries:
                await self.put(entry["resource"], entry["request"].get("ifMatch"))
            return await self.put_head(new.model_copy(update={"version_id": before.version_id}))
        except RequestRejected:
            await self.leave(before)
            raise

    async def leave(self, announced: Head) -> None:
        """The last complete run counts again; what was announced stays so, for `Repository.settle`."""
        if announced.announced:
            await self.put_head(announced.model_copy(update={"writing": False}))

    async def put_head(self, head: Head) -> Head:
        """Write a head under the version that it says; the head with its new version.

        Raises:
            StoreConflict: it has another version.
        """
        version = await self._client.update(self._task(head), head.version_id)
        if version is None:
            return await self._read_back(head)
        return head.model_copy(update={"version_id": version})

    async def _read_back(self, head: Head) -> Head:
        """The head with its version, on a server that did not say it; None where there are no versions."""
        there = from_task(await self._client.read("Task", str(head.id)))
        if there.model_copy(update={"version_id": head.version_id}) != head:
            raise StoreConflict(Reason.STORE_CONFLICT, "Task", "another worker has the head")
        return there

    def _task(self, head: Head) -> dict[str, Any]:
        return to_task(head, self._systems, self._sources)

    async def put(self, resource: dict[str, Any], guard: str | None) -> dict[str, Any]:
        """Write a resource under `guard`, an ETag; the resource with its new version.

        That another writer did the same meanwhile is no conflict.

        Raises:
            StoreConflict: it has another version and other content.
        """
        version_id = guard.removeprefix('W/"').removesuffix('"') if guard else None
        try:
            version = await self._client.update(resource, version_id)
        except StoreConflict:
            there = await self._client.read(resource["resourceType"], resource["id"])
            if fingerprint(there) != fingerprint(resource):
                raise
            return there
        return {**resource, "meta": {**resource.get("meta", {}), "versionId": version}}
