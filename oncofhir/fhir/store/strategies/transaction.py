"""One transaction Bundle per report: findings, Provenance, and the head last, under its version.

Source: http://hl7.org/fhir/R4/http.html#transaction.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.entries import head_entry, transaction_bundle
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.head_task import from_task, to_task
from oncofhir.schemas.errors import (
    DependencyUnavailable,
    RequestRejected,
    StoreConflict,
    UnreadableReport,
)
from oncofhir.schemas.reasons import Reason


async def create_if_absent(client: FhirClient, resource: dict[str, Any]) -> None:
    """Write a resource by its id, unless it is there."""
    try:
        await client.read(resource["resourceType"], resource["id"])
    except UnreadableReport:
        await client.update(resource)


async def cancel_head(
    client: FhirClient, head: Head, systems: IdentifierSystems, sources: SourceReferences = SAME
) -> None:
    """Cancel a head's Task and remove its identifiers, so that no search finds it. Nothing is deleted.

    Raises:
        StoreConflict: another worker has written it in the meantime.
    """
    task = to_task(head, systems, sources) | {"status": "cancelled"}
    del task["identifier"]
    await client.update(task, head.version_id)


class TransactionStrategy:
    """Writes all of a run or nothing; see `Strategy` for the contract.

    An empty head that was reserved for a report is cancelled when the store rejects the report.

    `max_entries` is the most that the server takes in one transaction, None for no limit. `batch` says
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

    async def read_history(self, head: Head, reference: str) -> list[dict[str, Any]]:  # noqa: ARG002
        return await self._client.history(reference)

    async def ensure(self, resource: dict[str, Any]) -> None:
        await create_if_absent(self._client, resource)

    async def reserve(self, head: Head, condition: Mapping[str, str]) -> Head:
        task = to_task(head, self._systems, self._sources)
        return from_task(await self._client.create_if_absent(task, condition))

    async def read_current(
        self, head: Head, also: Sequence[str] = ()
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        """Read the current resources. Before a document's first write, check that its head is the only one.

        Servers may let two simultaneous conditional creates both succeed, at least for two resources that
        show one document, because their conditions differ.

        Raises:
            StoreConflict: another worker has the document.
        """
        references = (*head.references, *also)
        if not head.is_reservation or not self._guards_versions:
            return head, await self._client.read_many(references, batch=self._batch)
        tokens = [f"{self._systems.source}|{key}" for key in head.sources]
        tokens.append(f"{self._systems.document}|{head.document}")
        stored, tasks = await self._client.read_many_and_search(
            references,
            "Task",
            {"identifier": ",".join(tokens), "_count": "20"},
            batch=self._batch,
        )
        # HAPI FHIR answers a search in a batch from its cache, also with Tasks that were cancelled since.
        current = [task for task in tasks if _has_identifier(task, tokens)]
        await self._elect_head(head, [from_task(task) for task in current])
        return head, stored

    async def _elect_head(self, own: Head, found: Sequence[Head]) -> None:
        """Keep one head of several: one that has findings before an empty one, else the smallest id.

        The others are cancelled.
        """
        others = [head for head in found if head.id != own.id]
        first = min([own, *others], key=lambda head: (head.is_reservation, head.id or ""))
        if first is not own:
            await self._cancel_reservation(own)
            raise StoreConflict(Reason.STORE_CONFLICT, "Task", "another worker has the document")
        for other in others:
            try:
                await cancel_head(self._client, other, self._systems, self._sources)
            except StoreConflict:  # its worker wrote under it at this moment
                await self._cancel_reservation(own)
                raise

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        bundle = transaction_bundle([*entries, head_entry(new, self._systems, self._sources)])
        try:
            self._check_size(bundle)
            await self._client.transaction(bundle)
        except RequestRejected:
            await self._cancel_reservation(before)
            raise
        return new

    def _check_size(self, bundle: dict[str, Any]) -> None:
        count = len(bundle["entry"])
        if self._max_entries is not None and count > self._max_entries:
            detail = f"{count} entries; at most {self._max_entries} are allowed"
            raise RequestRejected(Reason.STORE_TOO_LARGE, self._client.base_url, detail)

    async def _cancel_reservation(self, head: Head) -> None:
        """Cancel the empty head of a report that was rejected, unless another worker writes under it.

        Only under its version: a worker that took over the same empty head is refused then, and reserves a
        new one. If the store does not accept the cancellation, the empty head stays for the next worker.
        """
        if head.is_reservation and head.version_id and self._guards_versions:
            with suppress(StoreConflict, RequestRejected, DependencyUnavailable):
                await cancel_head(self._client, head, self._systems, self._sources)


def _has_identifier(task: dict[str, Any], tokens: Sequence[str]) -> bool:
    identifiers = task.get("identifier", [])
    return any(f"{i.get('system')}|{i.get('value')}" in tokens for i in identifiers)
