"""What two writers at once both created, where the server gives the ids: it stands once in the end.

Both may look, find nothing and create, for without conditional create the server cannot tell. What the head
names counts. Of the rest the writer that has the head withdraws what it finds at its end; one that lost the
head to another does so with its own, for what it wrote may have come later than that.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.mapping.conditions import entered_in_error
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.head import from_task
from oncofhir.fhir.store.strategies.id_mapping import Names, renamed
from oncofhir.fhir.store.strategies.sequential import OneByOne
from oncofhir.fhir.store.strategies.transaction import reference_to
from oncofhir.schemas.errors import StoreConflict


class Duplicates:
    """Finds what is there twice, and has one of it stand."""

    def __init__(
        self, client: FhirClient, one_by_one: OneByOne, systems: IdentifierSystems
    ) -> None:
        self._client = client
        self._one_by_one = one_by_one
        self._systems = systems

    async def of(self, reference: str) -> list[dict[str, Any]]:
        """What the server has of the identifier that our name says."""
        kind, _, value = reference.partition("/")
        sought = {"identifier": f"{self._systems.finding}|{value}"}
        return await self._client.search(kind, sought)

    async def withdraw_others(self, references: Iterable[str], names: Names) -> Names:
        """Withdraw what is there beside the named; what counts, by the names of the withdrawn."""
        others: dict[str, str] = {}
        for reference in references:
            for there in await self.of(reference):
                counts = names.get(reference)
                if counts not in {None, reference_to(there)}:
                    others[reference_to(there)] = str(counts)
                    await self._withdraw(there)
        return others

    async def yield_to_head(self, written: Mapping[str, dict[str, Any]], task: str) -> None:
        """Give up what a writer wrote (by our names) that lost the head: what the head names counts.

        While another one has the head, that one will see to it.
        """
        head = from_task(await self._client.read("Task", task))
        if head.writing:
            return
        own = {reference_to(there): head.names.get(name) for name, there in written.items()}
        others = {mine: counts for mine, counts in own.items() if counts not in {None, mine}}
        names = {mine: str(counts) for mine, counts in others.items()}
        for reference, there in (await self._one_by_one.read(list(own) if names else [])).items():
            if reference in names:
                await self._withdraw(there)
                continue
            whole = renamed(there, names)
            if whole != there:
                await self._put(whole)

    async def _withdraw(self, there: dict[str, Any]) -> None:
        """Nothing finds it any more; nothing is deleted."""
        gone = entered_in_error(there)
        left = [i for i in gone.pop("identifier") if i.get("system") != self._systems.finding]
        version = {"versionId": there.get("meta", {}).get("versionId")}
        meta = {"meta": {**gone["meta"], **version}}
        await self._put({**gone, **meta, **({"identifier": left} if left else {})})

    async def _put(self, resource: dict[str, Any]) -> None:
        """What was changed since it was read is left alone."""
        with suppress(StoreConflict):
            await self._client.update(resource, resource["meta"].get("versionId"))
