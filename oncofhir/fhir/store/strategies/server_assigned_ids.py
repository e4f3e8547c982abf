"""Findings one after another on servers that assign the ids (no update-as-create).

As `sequential.py`, except that a resource is created under its identifier (conditionally, so that a
redelivery finds it), gets its id from the server, and is referred to by that id. The head keeps both ids, and
everything else uses this service's. Where two resources refer to each other, as a Condition and its stage do,
the first is written a second time when the second has its id: it has version 2 then. Provenance has no
identifier in R4: an interrupted run leaves one Provenance more. Duplicates of concurrent writers:
`duplicates.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.capability import Capability
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.entries import reference_to, version_id_of
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.strategies import write_intent
from oncofhir.fhir.store.strategies.duplicates import Duplicates
from oncofhir.fhir.store.strategies.id_mapping import ServerIds, inverted, rewrite_references
from oncofhir.fhir.store.strategies.sequential import SequentialStrategy
from oncofhir.schemas.errors import RequestRejected, StoreConflict


class ServerAssignedIdsStrategy:
    """Writes without transactions and without client-assigned ids; see `Strategy` for the contract."""

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
        self._capability = capability
        self._sequential = SequentialStrategy(client, systems, capability, sources=sources)
        self._duplicates = Duplicates(client, self._sequential, systems)
        self._shared_ids: dict[str, str] = {}

    async def ensure(self, resource: dict[str, Any]) -> None:
        stored = await self._create_or_update(resource, {})
        self._shared_ids[reference_to(resource)] = reference_to(stored)

    async def reserve(self, head: Head, condition: Mapping[str, str]) -> Head:
        return await self._sequential.reserve(head, condition)

    async def read_current(
        self,
        head: Head,
        also: Sequence[str] = (),  # noqa: ARG002 - creating under the identifier finds what is there
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        found = await self._find(head.references, head.server_ids)
        ids = {reference: reference_to(stored) for reference, stored in found.items()}
        head = head.model_copy(update={"server_ids": {**head.server_ids, **ids}})
        own = {**await self._competing(head), **inverted(head.server_ids)}
        return head, {ref: rewrite_references(stored, own) for ref, stored in found.items()}

    async def _competing(self, head: Head) -> ServerIds:
        """Find what several writers created of an unfinished run: this service's references by the server's.

        What refers to the other one of two duplicates is no human's edit.
        """
        if not head.write_in_progress:
            return {}
        return {
            reference_to(stored): reference
            for reference in head.references
            for stored in await self._duplicates.find(reference)
        }

    async def _find(self, references: Iterable[str], ids: ServerIds) -> dict[str, dict[str, Any]]:
        """Read resources as the server has them, by this service's references: by id, else by identifier."""
        references = list(references)
        known = {ids[reference]: reference for reference in references if reference in ids}
        stored = await self._sequential.read_many(list(known))
        found = {known[server_reference]: there for server_reference, there in stored.items()}
        for reference in references:
            if reference not in ids:
                for there in await self._duplicates.find(reference):
                    found[reference] = there
        return found

    async def read_history(self, head: Head, reference: str) -> list[dict[str, Any]]:
        own = inverted(head.server_ids)
        versions = await self._client.history(head.server_reference(reference))
        return [rewrite_references(version, own) for version in versions]

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """Write in the order of `sequential.py`."""
        is_taken_over = before.write_in_progress
        if entries:
            before = await self._sequential.put_head(write_intent.declare(before, new, entries))
        written: dict[str, dict[str, Any]] = {}
        ids = {**self._shared_ids, **before.server_ids}
        try:
            for entry in entries:
                await self._write_entry(entry, ids, written)
            await self._complete_references(new, ids, written, is_taken_over=is_taken_over)
            server_ids = {ref: ids[ref] for ref in new.references if ref in ids}
            update = {"server_ids": server_ids, "version_id": before.version_id}
            closed = await self._sequential.put_head(new.model_copy(update=update))
            if is_taken_over:
                # An overtaken writer that found the head still open left its duplicates to this one.
                await self._complete_references(closed, ids, written, is_taken_over=True)
        except StoreConflict:
            await self._duplicates.yield_to_head(written, str(before.id))
            raise
        except RequestRejected:
            await self._sequential.abandon_intents(before)
            raise
        return closed

    async def _write_entry(
        self, entry: dict[str, Any], ids: dict[str, str], written: dict[str, dict[str, Any]]
    ) -> None:
        """Write one entry, and add it to `ids` and `written`, by this service's reference."""
        resource, if_match = entry["resource"], entry["request"].get("ifMatch")
        reference = reference_to(resource)
        if resource["resourceType"] == "Provenance":  # the last one: nothing refers to it
            await self._client.create(_without_id(rewrite_references(resource, ids)))
            return
        if if_match:
            stored = await self._sequential.put(rewrite_references(resource, ids), if_match)
        else:
            stored = await self._create_or_update(resource, ids)
            ids[reference] = reference_to(stored)
        written[reference] = stored

    async def _complete_references(
        self,
        new: Head,
        ids: ServerIds,
        written: Mapping[str, dict[str, Any]],
        *,
        is_taken_over: bool,
    ) -> None:
        """Rewrite references to resources that got their ids later, also in what another writer left."""
        stored = list(written.values())
        if is_taken_over:
            ids = {**ids, **await self._duplicates.withdraw_others(new.references, ids)}
            stored = list((await self._find(new.references, ids)).values())
        for resource in stored:
            rewritten = rewrite_references(resource, ids)
            if rewritten != resource:
                await self._sequential.put(rewritten, _etag(resource))

    async def _create_or_update(self, resource: dict[str, Any], ids: ServerIds) -> dict[str, Any]:
        """Create the resource under its identifier, or update the one that is there with other content."""
        rewritten = rewrite_references(resource, ids)
        kind, identifier = rewritten["resourceType"], rewritten["identifier"][0]
        condition = {"identifier": f"{identifier['system']}|{identifier['value']}"}
        conditional = self._capability.of(kind).conditional_create
        matches = [] if conditional else await self._client.search(kind, condition)
        stored = (
            matches[0]
            if matches
            else await self._client.create_by_post(
                _without_id(rewritten), condition, conditional=conditional
            )
        )
        if fingerprint(rewrite_references(stored, inverted(ids))) == fingerprint(resource):
            return stored
        return await self._sequential.put({**rewritten, "id": stored["id"]}, _etag(stored))


def _without_id(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "id"}


def _etag(resource: dict[str, Any]) -> str | None:
    version_id = version_id_of(resource)
    return f'W/"{version_id}"' if version_id else None
