"""Findings one after another on servers that give the ids themselves (no update-as-create).

As `sequential.py`, but a resource is created under its identifier (conditionally, so that a redelivery finds
it), gets its id from the server, and what refers to it says that id. Where two refer to each other, as a
Condition and its stage do, the first is written once more when the second has its id: its version is 2 then.
Provenance has no identifier in R4: a run that was cut off after it leaves one Provenance more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oncofhir.fhir.announcing import announcement
from oncofhir.fhir.capability import Capability
from oncofhir.fhir.client import FhirClient
from oncofhir.fhir.fingerprint import fingerprint
from oncofhir.fhir.head import Head
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.names import named_head, renamed
from oncofhir.fhir.sequential import OneByOne
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.transaction import reference_to


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
        self._standing: dict[str, str] = {}

    async def ensure(self, resource: dict[str, Any]) -> None:
        """As `Strategy`."""
        there = await self._created(resource)
        self._standing[reference_to(resource)] = reference_to(there)

    async def reserve(self, head: Head, condition: Mapping[str, str]) -> Head:
        """As `Strategy`."""
        return await self._one_by_one.reserve(head, condition)

    async def stored(self, references: Sequence[str]) -> dict[str, dict[str, Any]]:
        """As `Strategy`; what is not there by that id may be there by the identifier of that value."""
        found = await self._one_by_one.stored(references)
        for reference in references:
            if reference not in found:
                kind, _, value = reference.partition("/")
                sought = {"identifier": f"{self._systems.finding}|{value}"}
                for there in await self._client.search(kind, sought):
                    found[reference] = there
        return found

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """As `Strategy`, in the order that `sequential.py` says."""
        left = await self._left(before) if before.writing else {}
        if entries:
            announced = announcement(before, new, entries)
            before = await self._one_by_one.put_head(announced)
        names = dict(self._standing)
        written: dict[str, dict[str, Any]] = {}
        for entry in entries:
            resource = renamed(entry["resource"], names)
            if resource["resourceType"] == "Provenance":  # last: nothing refers to it
                await self._client.add(_without_id(resource))
                continue
            guard = entry["request"].get("ifMatch")
            there = (
                await self._one_by_one.put(resource, guard)
                if guard
                else await self._created(resource)
            )
            names[reference_to(entry["resource"])] = reference_to(there)
            written[reference_to(there)] = there
        for name, resource in (left | written).items():
            whole = renamed(resource, names)
            if whole != resource:
                guard = _guard(resource)
                written[name] = await self._one_by_one.put(whole, guard)
        after = named_head(new, names, written)
        return await self._one_by_one.put_head(
            after.model_copy(update={"version_id": before.version_id})
        )

    async def _left(self, head: Head) -> dict[str, dict[str, Any]]:
        """What a writer that was cut off left as it wrote it: it may refer to what has no id yet."""
        stored = await self._one_by_one.stored([r.reference for r in head.resources.values()])
        as_written = {known.reference: known.fingerprint for known in head.resources.values()}
        return {n: r for n, r in stored.items() if fingerprint(r) == as_written[n]}

    async def _created(self, resource: dict[str, Any]) -> dict[str, Any]:
        """The resource under the server's id; one that is there with other content is updated."""
        kind = resource["resourceType"]
        known_by = resource["identifier"][0]
        condition = {"identifier": f"{known_by['system']}|{known_by['value']}"}
        once = self._able.of(kind).conditional_create
        matches = [] if once else await self._client.search(kind, condition)
        there = (
            matches[0]
            if matches
            else await self._client.post(_without_id(resource), condition, once=once)
        )
        if fingerprint(there) == fingerprint(resource):
            return there
        return await self._one_by_one.put({**resource, "id": there["id"]}, _guard(there))


def _without_id(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "id"}


def _guard(resource: dict[str, Any]) -> str | None:
    version = resource.get("meta", {}).get("versionId")
    return f'W/"{version}"' if version else None
