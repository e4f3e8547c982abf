"""Findings one after another and the head last, for servers without transactions.

The order keeps a report whole:

1. the head is reserved;
2. the head declares, under the version that was read, what will be written (`write_intent.py`);
3. findings and Provenance are written, each under the version that was read;
4. the head follows, under the version of its declaration.

Until step 4 the Task is `in-progress`: readers see that the run is not complete.

An interrupted write is completed by the redelivery of its report, which finds the intents, reads what is
there, writes what is missing under the same identities, and completes the head. Of two writers the one that
declared first continues until the other takes over the head. Then its step 4 fails (412), and on its
redelivery it decides again on the other's head. That head still has its intents, so that what it wrote is
known to be this service's: it becomes part of the run or, if the other's run is newer, is rolled back
(`HeadStore.roll_back_overtaken_writes`). The same is done at once when the store rejects a resource.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.capability import Capability
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.head_task import from_task, to_task
from oncofhir.fhir.store.strategies import write_intent
from oncofhir.fhir.store.strategies.transaction import cancel_head, create_if_absent
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected, StoreConflict
from oncofhir.schemas.reasons import Reason


class SequentialStrategy:
    """Writes without transactions; see `Strategy` for the contract."""

    def __init__(
        self,
        client: FhirClient,
        systems: IdentifierSystems,
        capability: Capability,
        *,
        sources: SourceReferences = SAME,
    ) -> None:
        self._client = client
        self._systems = systems
        self._sources = sources
        self._capability = capability

    async def reserve(self, head: Head, condition: Mapping[str, str]) -> Head:
        """Reserve the document. Of several empty heads the first by id remains, the others are cancelled.

        There may be several because servers may let two simultaneous conditional creates both succeed.
        """
        found = await self._find_heads(condition)
        if not found:
            conditional = self._capability.of("Task").conditional_create
            await self._client.create_by_post(self._task(head), condition, conditional=conditional)
            found = await self._find_heads(condition)
        if not found:
            raise DependencyUnavailable(
                Reason.STORE_FAILED, self._client.base_url, "the created Task was not found"
            )
        first, *others = found
        for other in others:
            if other.is_reservation:
                await cancel_head(self._client, other, self._systems, self._sources)
        return first

    async def _find_heads(self, condition: Mapping[str, str]) -> list[Head]:
        """Search the heads: those with findings first, then the empty ones, each by id."""
        heads = [from_task(task) for task in await self._client.search("Task", condition)]
        return sorted(heads, key=lambda head: (head.is_reservation, head.id or ""))

    async def read_current(
        self, head: Head, also: Sequence[str] = ()
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        return head, await self.read_many((*head.references, *also))

    async def read_many(self, references: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Read resources, by reference. Missing ones are left out."""
        return await self._client.read_many(references, batch=self._capability.batch)

    async def read_history(self, head: Head, reference: str) -> list[dict[str, Any]]:  # noqa: ARG002
        return await self._client.history(reference)

    async def ensure(self, resource: dict[str, Any]) -> None:
        await create_if_absent(self._client, resource)

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """Write in the order of the module's docstring."""
        if entries:
            before = await self.put_head(write_intent.declare(before, new, entries))
        try:
            for entry in entries:
                await self.put(entry["resource"], entry["request"].get("ifMatch"))
            return await self.put_head(new.model_copy(update={"version_id": before.version_id}))
        except RequestRejected:
            await self.abandon_intents(before)
            raise

    async def abandon_intents(self, head: Head) -> None:
        """Make the last complete run count again. The intents stay, to be rolled back."""
        if head.intents:
            await self.put_head(head.model_copy(update={"write_in_progress": False}))

    async def put_head(self, head: Head) -> Head:
        """Write a head under its version, and return it with its new version.

        Raises:
            StoreConflict: the stored head has another version.
        """
        version_id = await self._client.update(self._task(head), head.version_id)
        if version_id is None:
            return await self._read_back(head)
        return head.model_copy(update={"version_id": version_id})

    async def _read_back(self, head: Head) -> Head:
        """Read the head's version from a server that did not return it; None where there are no versions."""
        stored = from_task(await self._client.read("Task", str(head.id)))
        if stored.model_copy(update={"version_id": head.version_id}) != head:
            raise StoreConflict(Reason.STORE_CONFLICT, "Task", "another worker has the head")
        return stored

    def _task(self, head: Head) -> dict[str, Any]:
        return to_task(head, self._systems, self._sources)

    async def put(self, resource: dict[str, Any], if_match: str | None) -> dict[str, Any]:
        """Write a resource, conditional on the ETag `if_match`, and return it with its new version.

        It is no conflict if another writer has written the same content in the meantime.

        Raises:
            StoreConflict: the stored resource has another version and other content.
        """
        version_id = if_match.removeprefix('W/"').removesuffix('"') if if_match else None
        try:
            version = await self._client.update(resource, version_id)
        except StoreConflict:
            stored = await self._client.read(resource["resourceType"], resource["id"])
            if fingerprint(stored) != fingerprint(resource):
                raise
            return stored
        return {**resource, "meta": {**resource.get("meta", {}), "versionId": version}}
