"""How a document's changes get into the store: the interface of the strategies, and the choice of one."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.capability import check_version
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.strategies.sequential import SequentialStrategy
from oncofhir.fhir.store.strategies.server_assigned_ids import ServerAssignedIdsStrategy
from oncofhir.fhir.store.strategies.transaction import TransactionStrategy


class Strategy(Protocol):
    """Reads and writes the resources of one document."""

    async def ensure(self, resource: dict[str, Any]) -> None:
        """Write a shared resource, which never changes, unless it is there."""

    async def reserve(self, head: Head, condition: Mapping[str, str]) -> Head:
        """Create this empty head, or return the one that `condition` (search parameters) finds.

        Raises:
            StoreConflict: several heads match.
        """

    async def read_current(
        self, head: Head, also: Sequence[str] = ()
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        """Read the head's resources, those of its write intents, and those that `also` names, by reference.

        Missing ones are left out. The returned head knows the server's ids of what was found.
        """

    async def read_history(self, head: Head, reference: str) -> list[dict[str, Any]]:
        """Read the versions of one of the head's resources, the newest first."""

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """Write the entries, and `new` as the version after `before`. Return the head as it is stored.

        Raises:
            StoreConflict: the stored head is not `before` any more, or a finding changed.
            RequestRejected: store-too-large, store-rejected.
            DependencyUnavailable, AccessDenied.
        """


async def choose_strategy(
    client: FhirClient,
    systems: IdentifierSystems,
    *,
    sources: SourceReferences = SAME,
    transactions: bool = True,
    max_entries: int | None = None,
) -> Strategy:
    """Choose a strategy by the server's CapabilityStatement.

    One transaction where the server supports transactions and `transactions` allows them, else one resource
    after another. A transaction needs client-assigned ids, because the head names what is written together
    with it: a server that assigns ids itself is written to one by one too.

    Raises:
        UnsuitableServer: the server has another FHIR version than this service writes.
        DependencyUnavailable, AccessDenied: as the server answered.
    """
    capability = await client.capability()
    check_version(capability, client.base_url)
    if not capability.chooses_ids:
        return ServerAssignedIdsStrategy(client, systems, capability, sources=sources)
    if capability.transaction and transactions:
        return TransactionStrategy(
            client,
            systems,
            sources=sources,
            max_entries=max_entries,
            batch=capability.batch,
            guards_versions=capability.guards_versions,
        )
    return SequentialStrategy(client, systems, capability, sources=sources)
