"""The findings of documents in the clinical data store: read the head, decide, write once.

Every write is one transaction with the head last, under the head's version: two workers cannot both win.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from oncofhir.fhir.build import Plan, build
from oncofhir.fhir.client import FhirClient
from oncofhir.fhir.conditions import entered_in_error
from oncofhir.fhir.context import Context
from oncofhir.fhir.fingerprint import fingerprint
from oncofhir.fhir.head import Head, SourceVersion, StoredResource, from_task, to_task
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.provenance import provenance, standing_resources
from oncofhir.fhir.transaction import head_entry, head_was_created, put, transaction
from oncofhir.schemas.errors import StoreConflict, UnreadableReport
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.identity import Run, document_id, resource_key
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow, Processed, RowStatus
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
            organization=self._organization,
            recorded=self._clock(),
        )

    def first_version(
        self, report: Report, run: Run, extraction: Extraction
    ) -> tuple[dict[str, Any], Processed]:
        """The transaction and the rows for a document that the store does not know; asks nothing."""
        context = self.context(report, run, self._document(report))
        plan = build(context, extraction, revision=1)
        entries, head = self._changes(context, plan, extraction, None, {})
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
        entries, new_head = self._changes(context, plan, extraction, head, stored)
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
            await self._write([self._head_entry(known)], known)
        return self._said(source, None, OutcomeStatus.ALIAS, None, head)

    async def retract(
        self, source: SourceReference, at: SourceVersion, reason: Reason, head: Head | None
    ) -> Processed:
        """Mark every finding of the document entered-in-error; what a human changed is left alone."""
        if head is None:
            return self._said(source, None, OutcomeStatus.RETRACTED, reason, None)
        stored = await self._stored(head)
        entries, resources, conflicts = [], {}, set[str]()
        for slot, known in head.resources.items():
            current = stored.get(known.reference)
            if known.withdrawn or current is None:
                resources[slot] = known
            elif fingerprint(current) != known.fingerprint:
                conflicts.add(known.reference)
                resources[slot] = known
            else:
                entry, resources[slot] = _withdrawal(current, known)
                entries.append(entry)
        rows = _rows(head, RowStatus.WITHDRAWN, conflicts)
        new = self._successor(head, source, at, OutcomeStatus.RETRACTED, reason, rows, resources)
        new = new.model_copy(
            update={"outcome": new.outcome.model_copy(update={"conflicts": len(conflicts)})}
        )
        await self._write([*entries, self._head_entry(new)], new)
        return self._processed(new, wrote=not self._shadow)

    async def outdate(
        self, source: SourceReference, at: SourceVersion, reason: Reason, head: Head
    ) -> Processed:
        """A newer version cannot be read: the findings stand, marked outdated in head and rows."""
        rows = _rows(head, RowStatus.OUTDATED, set())
        new = self._successor(
            head, source, at, OutcomeStatus.OUTDATED, reason, rows, dict(head.resources)
        )
        await self._write([self._head_entry(new)], new)
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

    def _changes(
        self,
        context: Context,
        plan: Plan,
        extraction: Extraction,
        head: Head | None,
        stored: dict[str, dict[str, Any]],
    ) -> tuple[list[dict[str, Any]], Head]:
        """The entries that bring the store from the head's state to the plan's, and the new head."""
        known = dict(head.resources) if head else {}
        entries: list[dict[str, Any]] = []
        resources: dict[str, StoredResource] = {}
        conflicts: set[str] = set()
        for slot, resource in plan.resources.items():
            reference, mark = f"{resource['resourceType']}/{resource['id']}", fingerprint(resource)
            before, current = known.pop(slot, None), stored.get(reference)
            if before and current is not None and fingerprint(current) != before.fingerprint:
                conflicts.add(reference)
                resources[slot] = before
                continue
            resources[slot] = StoredResource(reference=reference, fingerprint=mark)
            if before is None or current is None or before.withdrawn or mark != before.fingerprint:
                entries.append(put(resource, (current or {}).get("meta", {}).get("versionId")))
        for slot, gone in known.items():
            current = stored.get(gone.reference)
            if gone.withdrawn or current is None:
                resources[slot] = gone
            elif fingerprint(current) != gone.fingerprint:
                conflicts.add(gone.reference)
                resources[slot] = gone
            else:
                entry, resources[slot] = _withdrawal(current, gone)
                entries.append(entry)
        revision = head.revision + 1 if head else 1
        rows = [
            row.model_copy(update={"status": RowStatus.HUMAN_EDITED})
            if row.resource in conflicts
            else row
            for row in plan.rows
        ]
        present = {row.finding for row in rows}
        rows += [
            row.model_copy(
                update={
                    "revision": revision,
                    "status": RowStatus.HUMAN_EDITED
                    if row.resource in conflicts
                    else RowStatus.WITHDRAWN,
                }
            )
            for row in (head.rows if head else ())
            if row.finding not in present
        ]
        new = self._head_of(context, extraction, head, resources, tuple(rows), len(conflicts))
        written = [f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in entries]
        if written:
            entries.append(put(provenance(context, written, f"revision-{revision}")))
        return [*entries, self._head_entry(new)], new

    def _head_of(
        self,
        context: Context,
        extraction: Extraction,
        head: Head | None,
        resources: dict[str, StoredResource],
        rows: tuple[PhenotypeRow, ...],
        conflicts: int,
    ) -> Head:
        report, run = context.report, context.run
        key = resource_key(self._source_name, report.source)
        rejected: dict[str, int] = {}
        for finding in extraction.rejected:
            rejected[finding.reason.value] = rejected.get(finding.reason.value, 0) + 1
        revision = head.revision + 1 if head else 1
        outcome = OutcomeRow(
            document=context.document,
            revision=revision,
            status=OutcomeStatus.FOUND if extraction.findings else OutcomeStatus.NOTHING_FOUND,
            source=report.source.unversioned,
            source_version=report.source.version,
            run=run.id,
            findings=len(extraction.findings),
            rejected=rejected,
            conflicts=conflicts,
            model=run.model.name,
            model_digest=run.model.digest,
            prompt_set=f"{run.prompt_set.name}@{run.prompt_set.version}",
            software=run.software_version,
            recorded=context.recorded,
        )
        return Head(
            id=head.id if head else None,
            version_id=head.version_id if head else None,
            document=context.document,
            content=report.content_key,
            subject=report.subject,
            security=tuple(label.model_dump(exclude_none=True) for label in report.security),
            sources=tuple(dict.fromkeys([*(head.sources if head else ()), key])),
            source=report.source,
            at=version_of(report),
            run=run.id,
            revision=revision,
            resources=resources,
            rows=rows,
            outcome=outcome,
        )

    def _successor(
        self,
        head: Head,
        source: SourceReference,
        at: SourceVersion,
        status: OutcomeStatus,
        reason: Reason,
        rows: tuple[PhenotypeRow, ...],
        resources: dict[str, StoredResource],
    ) -> Head:
        outcome = head.outcome.model_copy(
            update={
                "revision": head.revision + 1,
                "status": status,
                "reason": reason.value,
                "source_version": source.version,
                "findings": 0 if status is OutcomeStatus.RETRACTED else head.outcome.findings,
                "recorded": self._clock(),
                "software": self._software,
            }
        )
        update = {
            "source": source,
            "at": at,
            "run": None,
            "revision": head.revision + 1,
            "resources": resources,
            "rows": rows,
            "outcome": outcome,
        }
        return head.model_copy(update=update)

    def _head_entry(self, head: Head) -> dict[str, Any]:
        return head_entry(to_task(head, self._systems), head, self._systems)

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


def version_of(report: Report) -> SourceVersion:
    """What tells this version of the report from others."""
    return SourceVersion(
        version=report.source.version,
        last_updated=report.source_last_updated,
        status=report.status,
    )


def _withdrawal(
    current: dict[str, Any], known: StoredResource
) -> tuple[dict[str, Any], StoredResource]:
    withdrawn = entered_in_error(current)
    stored = StoredResource(
        reference=known.reference, fingerprint=fingerprint(withdrawn), withdrawn=True
    )
    return put(withdrawn, current.get("meta", {}).get("versionId")), stored


def _rows(head: Head, status: RowStatus, conflicts: set[str]) -> tuple[PhenotypeRow, ...]:
    """The head's rows in their next revision; those withdrawn stay so, a human's edit is told."""
    return tuple(
        row.model_copy(
            update={
                "revision": head.revision + 1,
                "status": RowStatus.HUMAN_EDITED
                if row.resource in conflicts
                else row.status
                if row.status is RowStatus.WITHDRAWN
                else status,
            }
        )
        for row in head.rows
    )
