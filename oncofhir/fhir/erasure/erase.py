"""Deletes what was found of a patient; what a server does not delete is emptied."""

from collections.abc import Sequence
from typing import Any

from oncofhir.fhir.erasure.blank import blank
from oncofhir.fhir.erasure.find import PatientResources
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.entries import transaction_bundle, version_id_of
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import AccessDenied, RequestRejected, StoreConflict, UnreadableReport

_REFUSED = (AccessDenied, RequestRejected, StoreConflict)


class ErasedCounts(Value):
    """How many resources were deleted, were emptied instead, or could be neither."""

    deleted: int = 0
    emptied: int = 0
    refused: int = 0

    def __add__(self, other: "ErasedCounts") -> "ErasedCounts":
        return ErasedCounts(
            deleted=self.deleted + other.deleted,
            emptied=self.emptied + other.emptied,
            refused=self.refused + other.refused,
        )


async def erase(
    client: FhirClient, found: PatientResources, *, transactions: bool = True
) -> ErasedCounts:
    """Delete every group, in one transaction each where the server allows it. Idempotent.

    The head goes with its document, so that an interrupted erasure finds the rest again.

    Raises:
        DependencyUnavailable: the server is unreachable. What was erased stays erased.
    """
    counts = ErasedCounts()
    in_transactions = transactions and (await client.capability()).transaction
    for group in found.groups:
        if in_transactions and await _deleted_together(client, group):
            counts += ErasedCounts(deleted=len(group))
        else:
            counts += await _one_by_one(client, group)
    return counts


async def _deleted_together(client: FhirClient, group: Sequence[str]) -> bool:
    """Findings refer to each other: a server that keeps references intact deletes them only together."""
    entries: list[dict[str, Any]] = [
        {"request": {"method": "DELETE", "url": reference}} for reference in group
    ]
    try:
        await client.transaction(transaction_bundle(entries))
    except _REFUSED:
        return False
    return True


async def _one_by_one(client: FhirClient, group: Sequence[str]) -> ErasedCounts:
    """Delete each; empty those that are refused, which removes their references, and try these again.

    The head is last, and stays while anything else does: it names what is left.
    """
    *resources, last = group
    left = [each for each in resources if not await _deleted(client, each)]
    emptied = [each for each in left if await _emptied(client, each)]
    again = [each for each in emptied if not await _deleted(client, each)]
    refused = len(left) - len(emptied)
    counts = ErasedCounts(
        deleted=len(resources) - refused - len(again), emptied=len(again), refused=refused
    )
    if refused:
        return counts + ErasedCounts(refused=1)
    if await _deleted(client, last):
        return counts + ErasedCounts(deleted=1)
    if await _emptied(client, last):
        return counts + ErasedCounts(emptied=1)
    return counts + ErasedCounts(refused=1)


async def _deleted(client: FhirClient, reference: str) -> bool:
    try:
        await client.delete(reference)
    except _REFUSED:
        return False
    return True


async def _emptied(client: FhirClient, reference: str) -> bool:
    kind, _, ident = reference.partition("/")
    try:
        current = await client.read(kind, ident)
        empty = blank(current)
        if empty is None:
            return False
        await client.update(empty, version_id_of(current))
    except UnreadableReport:
        return True
    except _REFUSED:
        return False
    return True
