"""The findings of documents in the clinical data store: read the head, decide, write once.

Every write is one transaction with the head last, under the head's version: two workers cannot both win.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from oncofhir.fhir.build import build
from oncofhir.fhir.changes import changes, entry_of, rows_as, successor, withdrawals
from oncofhir.fhir.client import FhirClient
from oncofhir.fhir.context import Context
from oncofhir.fhir.head import Head, SourceVersion, from_task
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.provenance import standing_resources
from oncofhir.fhir.transaction import head_was_created, transaction
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
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._client = client
        self._source_name = source_name
        self._systems = IdentifierSystems(prefix=identifier_system)
        self._organization = organization
        self._software = software_version
        self._shadow = shadow
        self._clock = clock

    async def find_head(self, source: SourceReference, report: Report | None = None) -> Head | None:
        """The head of the document that a source resource shows, or that has the report's attachment.

        The resource's own document wins: an amended report has another text and is still the same.
        """
        keys = [f"{self._systems.source}|{resource_key(self._source_name, source)}"]
        if report is not None:
            keys.append(f"{self._systems.document}|{self._document(report)}")
        tasks = await self._client.search("Task", {"identifier": ",".join(keys)})
        heads = [from_task(task) for task in tasks]
        own = [h for h in heads if resource_key(self._source_name, source) in h.sources]
        return next(iter(own or heads), None)

    def _document(self, report: Report) -> str:
        return document_id(self._source_name, report.subject, report.content_key)

    async def ensure_standing(self, run: Run, prompt_text: str) -> None:
        """The Devices and the prompt set that Provenance names, written where they are missing."""
        if self._shadow:
            return
        resources = standing_resources(run, self._systems, prompt_text)
        await asyncio.gather(*(self._ensure(resource) for resource in resources))

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

        Raises:
            StoreConflict: the head or a finding changed since it was read: read it and decide again.
            RequestRejected, DependencyUnavailable, AccessDenied: as the store answered.
        """
        document = head.document if head else self._document(report)
        context = self.context(report, run, document)
        plan = build(context, extraction, revision=head.revision + 1 if head else 1)
        stored = await self._stored(head) if head else {}
        entries, new_head = changes(context, plan, extraction, head, stored)
        await self._write(entries, new_head)
        return self._processed(new_head, wrote=not self._shadow)

    def republished(self, head: Head) -> Processed:
        """The rows and the outcome of a run that is complete, from the head alone; nothing is written."""
        return self._processed(head)

    async def alias(self, head: Head, source: SourceReference) -> Processed:
        """Another resource shows the same document: the head learns of it, once."""
        key = resource_key(self._source_name, source)
        if key not in head.sources and not self._shadow:
            known = head.model_copy(update={"sources": (*head.sources, key)})
            await self._write([entry_of(known, self._systems)], known)
        return self._said(source, None, OutcomeStatus.ALIAS, None, head)

    async def retract(
        self, source: SourceReference, at: SourceVersion, reason: Reason, head: Head | None
    ) -> Processed:
        """Mark every finding of the document entered-in-error; what a human changed is left alone."""
        if head is None:
            return self._said(source, None, OutcomeStatus.RETRACTED, reason, None)
        stored = await self._stored(head)
        gone = withdrawals(head.resources, stored)
        rows = rows_as(head, RowStatus.WITHDRAWN, gone.conflicts)
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
        )
        await self._write([*gone.entries, entry_of(new, self._systems)], new)
        return self._processed(new, wrote=not self._shadow)

    async def outdate(
        self, source: SourceReference, at: SourceVersion, reason: Reason, head: Head
    ) -> Processed:
        """A newer version cannot be read: the findings stand, marked outdated in head and rows."""
        rows = rows_as(head, RowStatus.OUTDATED, frozenset())
        new = successor(
            head,
            source,
            at,
            OutcomeStatus.OUTDATED,
            reason,
            rows,
            dict(head.resources),
            software=self._software,
            recorded=self._clock(),
        )
        await self._write([entry_of(new, self._systems)], new)
        return self._processed(new, wrote=not self._shadow)

    def skipped(self, source: SourceReference, reason: Reason) -> Processed:
        """A report that is not read: an outcome row, and nothing in the store."""
        return self._said(source, None, OutcomeStatus.SKIPPED, reason, None)

    def stale(self, source: SourceReference, head: Head) -> Processed:
        """An older version than the one dealt with: it changes nothing."""
        return self._said(source, None, OutcomeStatus.STALE, None, head)

    # -- how

    async def _stored(self, head: Head) -> dict[str, dict[str, Any]]:
        """The current resources that the head answers for, by reference; missing ones are left out."""

        async def one(reference: str) -> tuple[str, dict[str, Any] | None]:
            kind, _, ident = reference.partition("/")
            try:
                return reference, await self._client.read(kind, ident)
            except UnreadableReport:
                return reference, None

        found = await asyncio.gather(*(one(s.reference) for s in head.resources.values()))
        return {reference: resource for reference, resource in found if resource is not None}

    async def _write(self, entries: list[dict[str, Any]], head: Head) -> None:
        if self._shadow:
            return
        answer = await self._client.transaction(transaction(entries))
        if head.id is None and not head_was_created(answer):
            raise StoreConflict(
                Reason.STORE_CONFLICT, "Task", "another worker wrote the first head"
            )

    def _processed(self, head: Head, *, wrote: bool = False) -> Processed:
        return Processed(outcome=head.outcome, rows=head.rows, wrote_store=wrote)

    def _said(
        self,
        source: SourceReference,
        document: str | None,
        status: OutcomeStatus,
        reason: Reason | None,
        head: Head | None,
    ) -> Processed:
        """An outcome row of a version that leaves the store as it is."""
        row = OutcomeRow(
            document=document
            or (head.document if head else resource_key(self._source_name, source)),
            revision=0,  # it leaves the document's latest row in force
            status=status,
            reason=reason.value if reason else None,
            source=source.unversioned,
            source_version=source.version,
            software=self._software,
            recorded=self._clock(),
        )
        return Processed(outcome=row)
