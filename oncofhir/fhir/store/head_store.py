"""The heads of one source's documents in the store: found, reserved, read with what they answer for, written.

How a write reaches the store is the `Strategy`'s.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head, from_task, reservation
from oncofhir.fhir.store.strategies.strategy import Strategy
from oncofhir.fhir.store.strategies.transaction import put
from oncofhir.fhir.store.strategies.write_intent import overwritten, settled, still_open
from oncofhir.fhir.store.withdrawal import withdrawals
from oncofhir.schemas.errors import RequestRejected, StoreConflict
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.identity import document_id, resource_key
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report


class Heads:
    """Whoever writes reads the head before, and wins only under the version that it read."""

    def __init__(
        self,
        client: FhirClient,
        strategy: Strategy,
        systems: IdentifierSystems,
        *,
        source_name: str,
        software: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._strategy = strategy
        self._systems = systems
        self._source_name = source_name
        self._software = software
        self._clock = clock

    def key_of(self, source: SourceReference) -> str:
        """The identity of a source resource."""
        return resource_key(self._source_name, source)

    def content_of(self, report: Report) -> str:
        """The identity that the report's attachment gives its document, if no other has it."""
        return document_id(self._source_name, report.subject, report.content_key)

    async def find(self, source: SourceReference, report: Report | None = None) -> Head | None:
        """The head of the document that a source resource shows, or that has the report's attachment.

        The resource's own document wins: an amended report has another text and is still the same. A
        document that a worker has only reserved has no head yet.
        """
        key = self.key_of(source)
        keys = [f"{self._systems.source}|{key}"]
        if report is not None:
            keys.append(f"{self._systems.document}|{self.content_of(report)}")
        tasks = await self._client.search("Task", {"identifier": ",".join(keys)})
        heads = [head for head in map(from_task, tasks) if not head.is_reservation]
        own = [head for head in heads if key in head.sources]
        return next(iter(own or heads), None)

    async def reserve(self, document: str, source: SourceReference, subject: str | None) -> Head:
        """The document's first head: ours, or one that a worker left empty.

        It must be the only one of the source resource, whose other versions have other texts, and the
        only one of the attachment, which another resource may show.

        Raises:
            StoreConflict: another worker has written meanwhile.
        """
        key = self.key_of(source)
        head = reservation(
            document, source, key, subject, software=self._software, recorded=self._clock()
        )
        known_by = (f"{self._systems.source}|{key}", f"{self._systems.document}|{document}")
        condition = {"identifier": ",".join(known_by)}
        found = await self._strategy.reserve(head, condition)
        if not found.is_reservation:
            raise StoreConflict(Reason.STORE_CONFLICT, "Task", "another worker wrote it first")
        return found

    async def current(
        self, head: Head, also: Sequence[str] = ()
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        """The head with what a writer that was cut off left, and the resources that it answers for.

        Those are by reference; missing ones are left out.
        """
        head, stored = await self._strategy.current(head, also)
        return settled(head, stored), stored

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """Write; what a store took before it rejected one of the entries does not stand.

        Raises:
            As `Strategy.write`.
        """
        try:
            return await self._strategy.write(entries, still_open(new), before)
        except RequestRejected:
            await self.settle(from_task(await self._client.read("Task", str(before.id))))
            raise

    async def settle(self, head: Head) -> None:
        """Undo what a writer without transactions wrote after another had taken over the head.

        What only it wrote is withdrawn; what it wrote over stands again. Nothing is done while a writer
        has the head, nor where none was overtaken.

        Raises:
            StoreConflict: the head or a finding changed since it was read.
        """
        if head.writing or not head.announced:
            return
        current, stored = await self.current(head)
        left = {s: r for s, r in current.resources.items() if s not in head.resources}
        gone = withdrawals(left, stored)
        entries = list(gone.entries)
        resources = {**current.resources, **gone.resources}
        for slot, known in overwritten(head, current).items():
            versions = await self._strategy.history(current, known.reference)
            earlier = next((v for v in versions if fingerprint(v) == known.fingerprint), None)
            if earlier is not None:
                at = stored[known.reference].get("meta", {}).get("versionId")
                entries.append(put(earlier, at))
                resources[slot] = known
        if entries or resources != head.resources:
            settled_head = current.model_copy(update={"resources": resources})
            await self._strategy.write(entries, still_open(settled_head), current)
