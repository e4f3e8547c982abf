"""How a document's changes get into the store: one seam, chosen by what the server says that it can do."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.capability import check_version
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.strategies.sequential import OneByOne
from oncofhir.fhir.store.strategies.server_assigned_ids import WithAssignedIds
from oncofhir.fhir.store.strategies.transaction import InOneTransaction


class Strategy(Protocol):
    """Reads and writes the resources of one document."""

    async def ensure(self, resource: dict[str, Any]) -> None:
        """Write a resource that documents refer to, and that never changes, unless it is there."""

    async def reserve(self, head: Head, condition: Mapping[str, str]) -> Head:
        """The document's head: this empty one, created, or the one that `condition` finds.

        Raises:
            StoreConflict: several match.
        """

    async def current(
        self, head: Head, also: Sequence[str] = ()
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        """What is there of the head's resources and of the announced ones, and of those `also` named.

        By reference.

        The head knows then what the server calls them.
        """

    async def history(self, head: Head, reference: str) -> list[dict[str, Any]]:
        """The versions of one of the head's resources, the newest first."""

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """Write the entries, and `new` as the head's next version; the head as it is then.

        Raises:
            StoreConflict: the head is not `before` any more, or a finding changed.
            RequestRejected: store-too-large, store-rejected.
            DependencyUnavailable, AccessDenied.
        """


class AsTheServerCan:
    """One transaction where the server says that it has transactions, else one resource after another.

    A transaction needs ids that we choose, for the head names what is written beside it; so a server that
    gives the ids itself is written to one by one too. It is asked once, at the first use.
    """

    def __init__(
        self,
        client: FhirClient,
        systems: IdentifierSystems,
        *,
        sources: SourceReferences = SAME,
        never_transactions: bool = False,
        max_entries: int | None = None,
    ) -> None:
        self._client = client
        self._systems = systems
        self._sources = sources
        self._never = never_transactions
        self._max_entries = max_entries
        self._strategy: Strategy | None = None

    async def ensure(self, resource: dict[str, Any]) -> None:
        await (await self._chosen()).ensure(resource)

    async def reserve(self, head: Head, condition: Mapping[str, str]) -> Head:
        return await (await self._chosen()).reserve(head, condition)

    async def current(
        self, head: Head, also: Sequence[str] = ()
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        return await (await self._chosen()).current(head, also)

    async def history(self, head: Head, reference: str) -> list[dict[str, Any]]:
        return await (await self._chosen()).history(head, reference)

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        return await (await self._chosen()).write(entries, new, before)

    async def _chosen(self) -> Strategy:
        """The strategy.

        Raises:
            UnsuitableServer: the server is of another FHIR version than we write.
        """
        if self._strategy is None:
            able = await self._client.capability()
            check_version(able, self._client.base_url)
            if not able.chooses_ids:
                self._strategy = WithAssignedIds(
                    self._client, self._systems, able, sources=self._sources
                )
            elif able.transaction and not self._never:
                self._strategy = InOneTransaction(
                    self._client,
                    self._systems,
                    sources=self._sources,
                    max_entries=self._max_entries,
                    batch=able.batch,
                    guards_versions=able.guards_versions,
                )
            else:
                self._strategy = OneByOne(self._client, self._systems, able, sources=self._sources)
        return self._strategy
