"""Findings one after another on servers that give the ids themselves (no update-as-create).

As `sequential.py`, but a resource is created under its identifier (conditionally, so that a redelivery finds
it), gets its id from the server, and what refers to it says that id. The head keeps which is which, so
that all else goes by our names. Where two refer to each other, as a Condition and its stage do, the
first is written once more when the second has its id: its version is 2 then. Provenance has no identifier
in R4: a run that was cut off after it leaves one Provenance more.
What two writers at once both create is told apart in `twice.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.capability import Capability
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.strategies.duplicates import Duplicates
from oncofhir.fhir.store.strategies.id_mapping import Names, renamed, reverse
from oncofhir.fhir.store.strategies.sequential import OneByOne
from oncofhir.fhir.store.strategies.transaction import reference_to
from oncofhir.fhir.store.strategies.write_intent import announcement
from oncofhir.schemas.errors import RequestRejected, StoreConflict


class WithAssignedIds:
    """Writes without transactions and without choosing ids; see `Strategy` for the contract."""

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
        self._able = able
        self._one_by_one = OneByOne(client, systems, able, sources=sources)
        self._twice = Duplicates(client, self._one_by_one, systems)
        self._standing: dict[str, str] = {}

    async def ensure(self, resource: dict[str, Any]) -> None:
        """As `Strategy`."""
        there = await self._created(resource, {})
        self._standing[reference_to(resource)] = reference_to(there)

    async def reserve(self, head: Head, condition: Mapping[str, str]) -> Head:
        """As `Strategy`."""
        return await self._one_by_one.reserve(head, condition)

    async def current(
        self,
        head: Head,
        also: Sequence[str] = (),  # noqa: ARG002 - what is created under its identifier is found then
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        """As `Strategy`; by our names, and the head with the server's names of what it announced."""
        found = await self._found(head.references, head.names)
        names = {ours: reference_to(there) for ours, there in found.items()}
        named = head.model_copy(update={"names": {**head.names, **names}})
        ours = reverse(named.names)
        return named, {name: renamed(there, ours) for name, there in found.items()}

    async def _found(self, references: Iterable[str], names: Names) -> dict[str, dict[str, Any]]:
        """The resources as the server has them, by our names: by id, else by the identifier."""
        known = {names[reference]: reference for reference in references if reference in names}
        stored = await self._one_by_one.read(list(known))
        found = {known[theirs]: there for theirs, there in stored.items()}
        for reference in references:
            if reference not in names:
                for there in await self._twice.of(reference):
                    found[reference] = there
        return found

    async def history(self, head: Head, reference: str) -> list[dict[str, Any]]:
        """As `Strategy`; by our names."""
        ours = reverse(head.names)
        versions = await self._client.history(head.named(reference))
        return [renamed(version, ours) for version in versions]

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """As `Strategy`, in the order that `sequential.py` says."""
        is_taken_over = before.writing
        if entries:
            before = await self._one_by_one.put_head(announcement(before, new, entries))
        written: dict[str, dict[str, Any]] = {}
        names = {**self._standing, **before.names}
        try:
            for entry in entries:
                await self._write(entry, names, written)
            await self._complete(new, names, written, is_taken_over=is_taken_over)
            own = {name: names[name] for name in new.references if name in names}
            update = {"names": own, "version_id": before.version_id}
            return await self._one_by_one.put_head(new.model_copy(update=update))
        except StoreConflict:
            await self._twice.yield_to_head(written, str(before.id))
            raise
        except RequestRejected:
            await self._one_by_one.leave(before)
            raise

    async def _write(
        self, entry: dict[str, Any], names: dict[str, str], written: dict[str, dict[str, Any]]
    ) -> None:
        """Write one entry; it has a name then, and is in `written` by ours."""
        ours, guard = entry["resource"], entry["request"].get("ifMatch")
        if ours["resourceType"] == "Provenance":  # last: nothing refers to it
            await self._client.create(_without_id(renamed(ours, names)))
            return
        if guard:
            there = await self._one_by_one.put(renamed(ours, names), guard)
        else:
            there = await self._created(ours, names)
            names[reference_to(ours)] = reference_to(there)
        written[reference_to(ours)] = there

    async def _complete(
        self, new: Head, names: Names, written: Mapping[str, dict[str, Any]], *, is_taken_over: bool
    ) -> None:
        """Have all refer to each other by the server's names, also what another writer left."""
        there_now = list(written.values())
        if is_taken_over:
            others = await self._twice.withdraw_others(new.references, names)
            names = {**names, **others}
            there_now = list((await self._found(new.references, names)).values())
        for there in there_now:
            whole = renamed(there, names)
            if whole != there:
                await self._one_by_one.put(whole, _guard(there))

    async def _created(self, ours: dict[str, Any], names: Names) -> dict[str, Any]:
        """The resource under the server's id; one that is there with other content is updated."""
        resource = renamed(ours, names)
        kind, known_by = resource["resourceType"], resource["identifier"][0]
        condition = {"identifier": f"{known_by['system']}|{known_by['value']}"}
        once = self._able.of(kind).conditional_create
        matches = [] if once else await self._client.search(kind, condition)
        there = (
            matches[0]
            if matches
            else await self._client.create_by_post(
                _without_id(resource), condition, conditional=once
            )
        )
        if fingerprint(renamed(there, reverse(names))) == fingerprint(ours):
            return there
        return await self._one_by_one.put({**resource, "id": there["id"]}, _guard(there))


def _without_id(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "id"}


def _guard(resource: dict[str, Any]) -> str | None:
    version = resource.get("meta", {}).get("versionId")
    return f'W/"{version}"' if version else None
