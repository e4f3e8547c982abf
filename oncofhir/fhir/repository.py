"""The findings of documents in the clinical data store: read the head, decide, write once.

Every write is one transaction with the head last, under the head's version: two workers cannot both win.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from oncofhir.fhir.build import build
from oncofhir.fhir.changes import changes, entry_of
from oncofhir.fhir.client import FhirClient
from oncofhir.fhir.context import Context
from oncofhir.fhir.head import Head, SourceVersion, from_task, reservation, to_task
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.provenance import standing_resources, withdrawal
from oncofhir.fhir.rows import rows_as
from oncofhir.fhir.transaction import put, reference_to, transaction
from oncofhir.fhir.withdrawing import Withdrawals, successor, withdrawals
from oncofhir.schemas.errors import StoreConflict, UnreadableReport
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.identity import Run, document_id, resource_key
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, Processed, RowStatus
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class Repository:
    """Writes the findings of one source into one store; in shadow mode it writes nothing."""

    def __init__(
        self,
        client: FhirClient,
        *,
        source_name: str,
        identifier_system: str,
        organization: str,
        software_version: str,
        shadow: bool = False,
        with_confidence: bool = False,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._client = client
        self._source_name = source_name
        self._systems = IdentifierSystems(prefix=identifier_system)
        self._organization = organization
        self._software = software_version
        self._shadow = shadow
        self._with_confidence = with_confidence
        self._ensuring = asyncio.Lock()
        self._ensured: set[str] = set()
        self._clock = clock

    async def find_head(self, source: SourceReference, report: Report | None = None) -> Head | None:
        """The head of the document that a source resource shows, or that has the report's attachment.

        The resource's own document wins: an amended report has another text and is still the same. A
        document that a worker has only reserved has no head yet.
        """
        key = resource_key(self._source_name, source)
        keys = [f"{self._systems.source}|{key}"]
        if report is not None:
            keys.append(f"{self._systems.document}|{self._document(report)}")
        tasks = await self._client.search("Task", {"identifier": ",".join(keys)})
        heads = [head for head in map(from_task, tasks) if not head.is_reservation]
        own = [head for head in heads if key in head.sources]
        return next(iter(own or heads), None)

    def _document(self, report: Report) -> str:
        return document_id(self._source_name, report.subject, report.content_key)

    async def ensure_standing(self, run: Run, prompt_text: str) -> None:
        """The Devices and the prompt set that Provenance names, written where they are missing.

        Each is looked up once in this repository's life.
        """
        if self._shadow:
            return
        async with self._ensuring:
            for resource in standing_resources(run, self._systems, prompt_text):
                if resource["id"] not in self._ensured:
                    await self._ensure(resource)
                    self._ensured.add(resource["id"])

    async def _ensure(self, resource: dict[str, Any]) -> None:
        try:
            await self._client.read(resource["resourceType"], resource["id"])
        except UnreadableReport:
            await self._client.put(resource)

    def context(self, report: Report, run: Run, document: str) -> Context:
        """What the resources of this run have in common."""
        return Context(
            document=document,
            report=report,
            run=run,
            systems=self._systems,
            source_name=self._source_name,
            organization=self._organization,
            recorded=self._clock(),
            with_confidence=self._with_confidence,
        )

    def first_version(
        self, report: Report, run: Run, extraction: Extraction
    ) -> tuple[dict[str, Any], Processed]:
        """The transaction and the rows for a document that the store does not know; asks nothing."""
        context = self.context(report, run, self._document(report))
        plan = build(context, extraction, revision=1)
        entries, head = changes(context, plan, extraction, None, {})
        return transaction(entries), self._processed(head)

    async def store(
        self, report: Report, run: Run, extraction: Extraction, head: Head | None
    ) -> Processed:
        """Write what changed, and the head.

        A document's first head is created empty, on condition that there is none, so that of several
        first writers only one can write findings under its version. In shadow mode nothing is written
        and no resource of the store is compared.

        Raises:
            StoreConflict: the head or a finding changed since it was read: read it and decide again.
            RequestRejected, DependencyUnavailable, AccessDenied: as the store answered.
        """
        if self._shadow:
            return self._in_shadow(report, run, extraction, head)
        if head is None:
            head = await self._reserved(self._document(report), report.source, report.subject)
        context = self.context(report, run, head.document)
        plan = build(context, extraction, head.revision + 1, head.parts)
        stored = await self._stored(head)
        entries, new_head = changes(context, plan, extraction, head, stored)
        await self._write(entries)
        return self._processed(new_head, wrote=True)

    def _in_shadow(
        self, report: Report, run: Run, extraction: Extraction, head: Head | None
    ) -> Processed:
        """What would be written if the document were new; its revision is beside the store's."""
        document = head.document if head else self._document(report)
        context = self.context(report, run, document)
        revision = head.revision + 1 if head else 1
        plan = build(context, extraction, revision, head.parts if head else {})
        _, new_head = changes(context, plan, extraction, None, {})
        outcome = new_head.outcome.model_copy(update={"revision": revision})
        return self._marked(Processed(outcome=outcome, rows=new_head.rows))

    def _marked(self, processed: Processed) -> Processed:
        """Rows and outcome that say so when nothing of them is in the store."""
        if not self._shadow:
            return processed
        mark = {"shadow": True}
        rows = tuple(row.model_copy(update=mark) for row in processed.rows)
        outcome = processed.outcome.model_copy(update=mark)
        return processed.model_copy(update={"rows": rows, "outcome": outcome})

    def republished(self, head: Head) -> Processed:
        """The rows and the outcome of a run that is complete, from the head alone; nothing is written."""
        return self._processed(head)

    async def alias(self, head: Head, source: SourceReference) -> Processed:
        """Another resource shows the same document: the head learns of it, once."""
        key = resource_key(self._source_name, source)
        if key not in head.sources and not self._shadow:
            known = head.model_copy(update={"sources": (*head.sources, key)})
            await self._write([entry_of(known, self._systems)])
        return self._said(source, OutcomeStatus.ALIAS, None, head)

    async def retract(
        self, source: SourceReference, at: SourceVersion, reason: Reason, head: Head | None
    ) -> Processed:
        """Mark every finding of the document entered-in-error; what a human changed is left alone.

        A document that was never read gets a head too, so that an older version that comes late is stale.
        """
        if self._shadow:
            return self._said(source, OutcomeStatus.RETRACTED, reason, head)
        if head is None:
            key = resource_key(self._source_name, source)
            head = await self._reserved(key, source, None)
        return await self._withdraw(head, source, at.after(head.at), reason, run=None)

    async def standing(self, head: Head) -> Withdrawals:
        """What a withdrawal of the document would write, and what humans changed and keep."""
        return withdrawals(head.resources, await self._stored(head))

    async def recall(self, head: Head) -> Processed:
        """Withdraw the document because of the model that read it, not of the report.

        The head keeps the run: the same model asked again about the same version stays withdrawn, and
        another model, or the next version, revives what it finds.

        Raises:
            StoreConflict: the head or a finding changed since it was read.
        """
        return await self._withdraw(head, head.source, head.at, Reason.MODEL_RECALLED, run=head.run)

    async def _withdraw(
        self,
        head: Head,
        source: SourceReference,
        at: SourceVersion,
        reason: Reason,
        *,
        run: str | None,
    ) -> Processed:
        gone = await self.standing(head)
        rows = rows_as(head.rows, head.revision + 1, RowStatus.WITHDRAWN, gone.conflicts)
        new = successor(
            head,
            source,
            at,
            OutcomeStatus.RETRACTED,
            reason,
            rows,
            gone.resources,
            software=self._software,
            recorded=self._clock(),
            conflicts=len(gone.conflicts),
        ).model_copy(update={"run": run})
        entries = list(gone.entries)
        if entries:
            entries.append(put(self._withdrawal(new, entries)))
        await self._write([*entries, entry_of(new, self._systems)])
        return self._processed(new, wrote=True)

    def _withdrawal(self, head: Head, entries: list[dict[str, Any]]) -> dict[str, Any]:
        return withdrawal(
            head.document,
            head.revision,
            [*(reference_to(entry["resource"]) for entry in entries), f"Task/{head.id}"],
            head.source,
            software=self._software,
            organization=self._organization,
            recorded=head.outcome.recorded,
        )

    async def outdate(
        self, source: SourceReference, at: SourceVersion, reason: Reason, head: Head
    ) -> Processed:
        """A newer version cannot be read: the findings stand, marked outdated in head and rows."""
        new = successor(
            head,
            source,
            at.after(head.at),
            OutcomeStatus.OUTDATED,
            reason,
            rows_as(head.rows, head.revision + 1, RowStatus.OUTDATED),
            dict(head.resources),
            software=self._software,
            recorded=self._clock(),
        )
        if not self._shadow:
            await self._write([entry_of(new, self._systems)])
        return self._processed(new, wrote=not self._shadow)

    def skipped(self, source: SourceReference, reason: Reason) -> Processed:
        """A report that is not read: an outcome row, and nothing in the store."""
        return self._said(source, OutcomeStatus.SKIPPED, reason, None)

    def stale(self, source: SourceReference, head: Head) -> Processed:
        """An older version than the one dealt with: it changes nothing."""
        return self._said(source, OutcomeStatus.STALE, None, head)

    # -- how

    async def _reserved(self, document: str, source: SourceReference, subject: str | None) -> Head:
        """The document's first head: ours, or one that a worker left empty.

        It must be the only one of the source resource, whose other versions have other texts, and the
        only one of the attachment, which another resource may show.

        Raises:
            StoreConflict: another worker has written meanwhile.
        """
        key = resource_key(self._source_name, source)
        head = reservation(
            document, source, key, subject, software=self._software, recorded=self._clock()
        )
        known_by = (f"{self._systems.source}|{key}", f"{self._systems.document}|{document}")
        condition = {"identifier": ",".join(known_by)}
        task = await self._client.create(to_task(head, self._systems), condition)
        found = from_task(task)
        if not found.is_reservation:
            raise StoreConflict(Reason.STORE_CONFLICT, "Task", "another worker wrote it first")
        return found

    async def _stored(self, head: Head) -> dict[str, dict[str, Any]]:
        """The current resources that the head answers for, by reference; missing ones are left out."""
        return await self._client.read_many([r.reference for r in head.resources.values()])

    async def _write(self, entries: list[dict[str, Any]]) -> None:
        await self._client.transaction(transaction(entries))

    def _processed(self, head: Head, *, wrote: bool = False) -> Processed:
        return self._marked(Processed(outcome=head.outcome, rows=head.rows, wrote_store=wrote))

    def _said(
        self,
        source: SourceReference,
        status: OutcomeStatus,
        reason: Reason | None,
        head: Head | None,
    ) -> Processed:
        """An outcome row of a version that leaves the store as it is."""
        row = OutcomeRow(
            document=head.document if head else resource_key(self._source_name, source),
            revision=0,  # it leaves the document's latest row in force
            status=status,
            reason=reason.value if reason else None,
            source=source.unversioned,
            source_version=source.version,
            software=self._software,
            recorded=self._clock(),
        )
        return self._marked(Processed(outcome=row))
