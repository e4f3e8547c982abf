"""Finds, reserves, reads and writes the heads of one source's documents."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.entries import put_entry, version_id_of
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head, reservation
from oncofhir.fhir.store.head_task import from_task
from oncofhir.fhir.store.strategies import write_intent
from oncofhir.fhir.store.strategies.strategy import Strategy
from oncofhir.fhir.store.withdrawal import plan_withdrawal
from oncofhir.schemas.errors import RequestRejected, StoreConflict
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.identity import document_id, resource_key
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report


class HeadStore:
    """Reads a head before each write, and writes only under the version that was read."""

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

    async def find(self, source: SourceReference, report: Report | None = None) -> Head | None:
        """Find the head of the document that a source resource shows, or that has the report's attachment.

        The resource's own document takes precedence: an amended report has another text and is the same
        document. A document that is only reserved has no head yet.
        """
        key = resource_key(self._source_name, source)
        keys = [f"{self._systems.source}|{key}"]
        if report is not None:
            document = document_id(self._source_name, report.subject, report.content_key)
            keys.append(f"{self._systems.document}|{document}")
        tasks = await self._client.search("Task", {"identifier": ",".join(keys)})
        heads = [head for head in map(from_task, tasks) if not head.is_reservation]
        own = [head for head in heads if key in head.sources]
        return next(iter(own or heads), None)

    async def reserve(self, document: str, source: SourceReference, subject: str | None) -> Head:
        """Create the document's first head, empty, or return one that a worker left empty.

        It must be the only head of the source resource, whose other versions have other texts, and the only
        one of the attachment, which another resource may show.

        Raises:
            StoreConflict: another worker has written the document in the meantime.
        """
        key = resource_key(self._source_name, source)
        head = reservation(
            document, source, key, subject, software=self._software, recorded=self._clock()
        )
        identifiers = (f"{self._systems.source}|{key}", f"{self._systems.document}|{document}")
        condition = {"identifier": ",".join(identifiers)}
        found = await self._strategy.reserve(head, condition)
        if not found.is_reservation:
            raise StoreConflict(Reason.STORE_CONFLICT, "Task", "another worker wrote it first")
        return found

    async def read_current(
        self, head: Head, also: Sequence[str] = ()
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        """Read the resources that the head tracks, and those that `also` names, by reference.

        Missing ones are left out. The returned head includes what an interrupted writer wrote.
        """
        head, stored = await self._strategy.read_current(head, also)
        return write_intent.resolve(head, stored), stored

    async def read_version(self, head: Head, reference: str, version: str) -> dict[str, Any] | None:
        """Read an earlier version of one of the head's resources; None if the store does not keep it."""
        versions = await self._strategy.read_history(head, reference)
        return next((v for v in versions if version_id_of(v) == version), None)

    async def write(self, entries: Sequence[dict[str, Any]], new: Head, before: Head) -> Head:
        """Write the entries and the new head. If the store rejects an entry, undo what it took before.

        Raises:
            As `Strategy.write`.
        """
        try:
            return await self._strategy.write(entries, write_intent.still_open(new), before)
        except RequestRejected:
            head = from_task(await self._client.read("Task", str(before.id)))
            await self.roll_back_overtaken_writes(head)
            raise

    async def roll_back_overtaken_writes(self, head: Head) -> None:
        """Undo what a writer without transactions wrote after another had taken over the head.

        Resources that only it wrote are withdrawn. Resources that it overwrote are restored. Nothing is done
        while a writer has the head, or if no writer was overtaken.

        Raises:
            StoreConflict: the head or a finding changed since it was read.
        """
        if head.write_in_progress or not head.intents:
            return
        # Step 1: resources that the head does not track are withdrawn.
        current, stored = await self.read_current(head)
        untracked = {s: r for s, r in current.resources.items() if s not in head.resources}
        withdrawal = plan_withdrawal(untracked, stored, head.reviewed_resources)
        entries = list(withdrawal.entries)
        resources = {**current.resources, **withdrawal.resources}
        # Step 2: of resources with other content than the head tracks, the tracked version is restored.
        for slot, known in write_intent.overwritten(head, current).items():
            versions = await self._strategy.read_history(current, known.reference)
            earlier = next((v for v in versions if fingerprint(v) == known.fingerprint), None)
            if earlier is not None:
                entries.append(put_entry(earlier, version_id_of(stored[known.reference])))
                resources[slot] = known
        if entries or resources != head.resources:
            new = current.model_copy(update={"resources": resources})
            await self._strategy.write(entries, write_intent.still_open(new), current)
