"""One transaction Bundle a report: findings, Provenance, and the head last, under its version.

Source: http://hl7.org/fhir/R4/http.html#transaction; update-as-create for findings, conditional create
for a document's first head.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.head import Head, from_task, to_task
from oncofhir.schemas.errors import (
    DependencyUnavailable,
    RequestRejected,
    StoreConflict,
    UnreadableReport,
)
from oncofhir.schemas.reasons import Reason


def reference_to(resource: dict[str, Any]) -> str:
    """`Type/id`."""
    return f"{resource['resourceType']}/{resource['id']}"


def put(resource: dict[str, Any], version_id: str | None = None) -> dict[str, Any]:
    """An entry that creates or updates a resource by its id, under the version that was read."""
    request = {"method": "PUT", "url": reference_to(resource)}
    if version_id:
        request["ifMatch"] = f'W/"{version_id}"'
    return {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource, "request": request}


def entry_of(
    head: Head, systems: IdentifierSystems, sources: SourceReferences = SAME
) -> dict[str, Any]:
    """The entry that writes a head: a conditional create, or an update under its version."""
    task = to_task(head, systems, sources)
    if head.id is not None:
        return put(task, head.version_id)
    identifier = quote(f"{systems.document}|{head.document}", safe=":/|")
    return {
        "fullUrl": f"urn:uuid:{head.document}",
        "resource": task,
        "request": {
            "method": "POST",
            "url": "Task",
            "ifNoneExist": f"identifier={identifier}",
        },
    }


def transaction(entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The Bundle."""
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


async def put_if_absent(client: FhirClient, resource: dict[str, Any]) -> None:
    """Write a resource by its id, unless it is there."""
    try:
        await client.read(resource["resourceType"], resource["id"])
    except UnreadableReport:
        await client.update(resource)


async def give_up(
    client: FhirClient, head: Head, systems: IdentifierSystems, sources: SourceReferences = SAME
) -> None:
    """Nothing finds the head any more; nothing is deleted.

    Raises:
        StoreConflict: another worker has written it meanwhile.
    """
    task = to_task(head, systems, sources) | {"status": "cancelled"}
    del task["identifier"]
    await client.update(task, head.version_id)


class InOneTransaction:
    """Writes all of a run or nothing; see `Strategy` for the contract.

    A head that was only reserved for what the store then rejects is given up.

    `max_entries` is the most that the server takes in one transaction, None for no limit; `batch` says
    whether it answers several reads in one request.
    """

    def __init__(
        self,
        client: FhirClient,
        systems: IdentifierSystems,
        *,
        sources: SourceReferences = SAME,
        max_entries: int | None = None,
        batch: bool = True,
        guards_versions: bool = True,
    ) -> None:
        self._client = client
        self._systems = systems
        self._sources = sources
        self._max_entries = max_entries
        self._batch = batch
        self._guards_versions = guards_versions

    async def history(self, head: Head, reference: str) -> list[dict[str, Any]]:  # noqa: ARG002
        """As `Strategy`."""
        return await self._client.history(reference)

    async def ensure(self, resource: dict[str, Any]) -> None:
        """As `Strategy`."""
        await put_if_absent(self._client, resource)

    async def reserve(self, head: Head, condition: Mapping[str, str]) -> Head:
        """As `Strategy`."""
        return from_task(
            await self._client.create_if_absent(
                to_task(head, self._systems, self._sources), condition
            )
        )

    async def current(
        self, head: Head, also: Sequence[str] = ()
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        """As `Strategy`; before a document's first write also whether its head is the only one.

        Servers let two conditional creates at the same time both create, at least of two resources that
        show one document, for their conditions differ.

        Raises:
            StoreConflict: another worker has the document.
        """
        references = (*head.references, *also)
        if not head.is_reservation or not self._guards_versions:
            return head, await self._client.read_many(references, batch=self._batch)
        known_by = [f"{self._systems.source}|{key}" for key in head.sources]
        known_by.append(f"{self._systems.document}|{head.document}")
        stored, tasks = await self._client.read_many_and_search(
            references,
            "Task",
            {"identifier": ",".join(known_by), "_count": "20"},
            batch=self._batch,
        )
        # HAPI FHIR answers a search in a batch with what it found before, given up since or not
        standing = [task for task in tasks if _is_known_by(task, known_by)]
        await self._be_the_only_one(head, [from_task(task) for task in standing])
        return head, stored

    async def _be_the_only_one(self, own: Head, found: Sequence[Head]) -> None:
        """Heads that were written count first, then the empty ones, each by id; of those the others go."""
        others = [head for head in found if head.id != own.id]
        first = min([own, *others], key=lambda head: (head.is_reservation, head.id or ""))
        if first is not own:
            await self._give_up(own)
            raise StoreConflict(Reason.STORE_CONFLICT, "Task", "another worker has the document")
        for other in others:
            try:
                await give_up(self._client, other, self._systems, self._sources)
            except StoreConflict:  # it was written at this moment
                await self._give_up(own)
                raise

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """As `Strategy`; the head is the last entry, under the version of `before`."""
        try:
            await self._write([*entries, entry_of(new, self._systems, self._sources)])
        except RequestRejected:
            await self._give_up(before)
            raise
        return new

    async def _write(self, entries: Sequence[dict[str, Any]]) -> None:
        bundle = transaction(entries)
        count = len(bundle["entry"])
        if self._max_entries is not None and count > self._max_entries:
            told = f"{count} entries, and at most {self._max_entries} are allowed"
            raise RequestRejected(Reason.STORE_TOO_LARGE, self._client.base_url, told)
        await self._client.transaction(bundle)

    async def _give_up(self, head: Head) -> None:
        """Of a report that is rejected no empty head stays, unless another worker writes under it.

        Only under its version: who took the same one over and is still at work is refused then, and reserves
        one anew. Where the store does not take it, the empty head stays for the next.
        """
        if head.is_reservation and head.version_id and self._guards_versions:
            with suppress(StoreConflict, RequestRejected, DependencyUnavailable):
                await give_up(self._client, head, self._systems, self._sources)


def _is_known_by(task: dict[str, Any], tokens: Sequence[str]) -> bool:
    identifiers = task.get("identifier", [])
    return any(f"{i.get('system')}|{i.get('value')}" in tokens for i in identifiers)
