"""Resolves duplicates created by concurrent writers on servers that assign ids.

Without conditional create two writers may both search, find nothing and create. The resource that the head
names counts. The writer that has the head withdraws the others when it completes. A writer that lost the head
withdraws its own, because it may have written them after that.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.entries import reference_to
from oncofhir.fhir.store.head_task import from_task
from oncofhir.fhir.store.strategies.id_mapping import ServerIds, rewrite_references
from oncofhir.fhir.store.strategies.sequential import SequentialStrategy
from oncofhir.fhir.store.withdrawal import entered_in_error
from oncofhir.schemas.errors import StoreConflict


class Duplicates:
    """Finds duplicate resources and withdraws all but one."""

    def __init__(
        self, client: FhirClient, sequential: SequentialStrategy, systems: IdentifierSystems
    ) -> None:
        self._client = client
        self._sequential = sequential
        self._systems = systems

    async def find(self, reference: str) -> list[dict[str, Any]]:
        """Search the resources with the identifier of `reference` (this service's `Type/id`)."""
        kind, _, value = reference.partition("/")
        params = {"identifier": f"{self._systems.finding}|{value}"}
        return await self._client.search(kind, params)

    async def withdraw_others(self, references: Iterable[str], ids: ServerIds) -> ServerIds:
        """Withdraw the duplicates of `references`; return the remaining reference by the withdrawn one."""
        remaining: dict[str, str] = {}
        for reference in references:
            for stored in await self.find(reference):
                own = ids.get(reference)
                if own not in {None, reference_to(stored)}:
                    remaining[reference_to(stored)] = str(own)
                    await self._withdraw(stored)
        return remaining

    async def yield_to_head(self, written: Mapping[str, dict[str, Any]], task: str) -> None:
        """Withdraw what a writer that lost the head wrote, where the head names another resource.

        `written` is by this service's references. While another writer has the head, that writer does it.
        """
        head = from_task(await self._client.read("Task", task))
        if head.write_in_progress:
            return
        own = {reference_to(stored): head.server_ids.get(ref) for ref, stored in written.items()}
        ids = {mine: other for mine, other in own.items() if other is not None and other != mine}
        if not ids:
            return
        for reference, stored in (await self._sequential.read_many(list(own))).items():
            if reference in ids:
                await self._withdraw(stored)
                continue
            rewritten = rewrite_references(stored, ids)
            if rewritten != stored:
                await self._put(rewritten)

    async def _withdraw(self, stored: dict[str, Any]) -> None:
        """Mark a resource entered-in-error and remove its identifier, so that no search finds it."""
        withdrawn = entered_in_error(stored)
        identifiers = [
            identifier
            for identifier in withdrawn.pop("identifier")
            if identifier.get("system") != self._systems.finding
        ]
        version = {"versionId": stored.get("meta", {}).get("versionId")}
        meta = {"meta": {**withdrawn["meta"], **version}}
        rest = {"identifier": identifiers} if identifiers else {}
        await self._put({**withdrawn, **meta, **rest})

    async def _put(self, resource: dict[str, Any]) -> None:
        """Write a resource, unless it changed since it was read."""
        with suppress(StoreConflict):
            await self._client.update(resource, resource["meta"].get("versionId"))
