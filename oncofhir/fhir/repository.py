"""The findings of documents in the clinical data store: read the head, decide, write once.

Every write ends with the head, under its version: two workers cannot both win. How a write reaches the store
is the `Strategy`'s.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from oncofhir.fhir.announcing import overwritten, settled, still_open
from oncofhir.fhir.build import build
from oncofhir.fhir.changes import changes
from oncofhir.fhir.choices import DEFAULT, Choices
from oncofhir.fhir.client import FhirClient
from oncofhir.fhir.context import Context
from oncofhir.fhir.fingerprint import fingerprint
from oncofhir.fhir.head import Head, from_task, reservation
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.provenance import software_resource, standing_resources, withdrawal
from oncofhir.fhir.rows import rows_as
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.strategy import Strategy
from oncofhir.fhir.transaction import (
    InOneTransaction,
    entry_of,
    put,
    reference_to,
    transaction,
)
from oncofhir.fhir.version import SourceVersion
from oncofhir.fhir.withdrawing import Withdrawals, successor, withdrawals
from oncofhir.schemas.errors import RequestRejected, StoreConflict
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.identity import Run, document_id, resource_key
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, Processed, RowStatus
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


class Repository:
    """Writes the findings of one source into one store; in shadow mode it writes nothing.

    Without a `strategy` a report is one transaction, whatever the server says that it can do.
    """

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
        sources: SourceReferences = SAME,
        strategy: Strategy | None = None,
        model_card: str | None = None,
        choices: Choices = DEFAULT,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._client = client
        self._source_name = source_name
        self._systems = IdentifierSystems(prefix=identifier_system)
        self._sources = sources
        self._strategy = strategy or InOneTransaction(client, self._systems, sources=sources)
        self._organization = organization
        self._software = software_version
        self._shadow = shadow
        self._with_confidence = with_confidence
        self._model_card = model_card
        self._choices = choices
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
            keys.append(f"{self._systems.document}|{self.content_of(report)}")
        tasks = await self._client.search("Task", {"identifier": ",".join(keys)})
        heads = [head for head in map(from_task, tasks) if not head.is_reservation]
        own = [head for head in heads if key in head.sources]
        return next(iter(own or heads), None)

    def content_of(self, report: Report) -> str:
        """The identity that the report's attachment gives its document, if no other has it."""
        return document_id(self._source_name, report.subject, report.content_key)

    async def ensure_standing(self, run: Run, prompt_text: str) -> None:
        """The Devices, prompt set and card that Provenance names, written where they are missing.

        Each is looked up once in this repository's life.
        """
        if self._shadow:
            return
        for resource in standing_resources(run, self._systems, prompt_text, self._model_card):
            await self._ensure(resource)

    async def _ensure(self, resource: dict[str, Any]) -> None:
        async with self._ensuring:
            if resource["id"] not in self._ensured:
                await self._strategy.ensure(resource)
                self._ensured.add(resource["id"])

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
            sources=self._sources,
            model_card=self._model_card,
            choices=self._choices,
        )

    def first_version(
        self, report: Report, run: Run, extraction: Extraction
    ) -> tuple[dict[str, Any], Processed]:
        """The transaction and the rows for a document that the store does not know; asks nothing."""
        context = self.context(report, run, self.content_of(report))
        plan = build(context, extraction, revision=1)
        entries, head = changes(context, plan, extraction, None, {})
        return transaction(
            [*entries, entry_of(head, self._systems, self._sources)]
        ), self._processed(head)

    async def store(
        self, report: Report, run: Run, extraction: Extraction, head: Head | None
    ) -> Processed:
        """Write what changed, and the head.

        A document's first head is created empty, on condition that there is none, so that of several
        first writers only one can write findings under its version. In shadow mode nothing is written
        and no resource of the store is compared.

        Raises:
            StoreConflict: the head or a finding changed since it was read: read it and decide again.
            RequestRejected: store-too-large, store-rejected.
            DependencyUnavailable, AccessDenied: as the store answered.
        """
        if self._shadow:
            return self._in_shadow(report, run, extraction, head)
        if head is None:
            head = await self._reserved(self.content_of(report), report.source, report.subject)
        context = self.context(report, run, head.document)
        plan = build(context, extraction, head.revision + 1, head.parts)
        # A new document's findings are there already when its head was lost, or is kept under another system.
        planned = [reference_to(r) for r in plan.resources.values()]
        head, stored = await self._current(head, planned if head.is_reservation else ())
        entries, new_head = changes(context, plan, extraction, head, stored)
        new_head = await self._write(entries, new_head, head)
        return self._processed(new_head, wrote=True)

    def _in_shadow(
        self, report: Report, run: Run, extraction: Extraction, head: Head | None
    ) -> Processed:
        """What would be written if the document were new; its revision is beside the store's."""
        document = head.document if head else self.content_of(report)
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

    async def alias(
        self,
        head: Head,
        source: SourceReference,
        at: SourceVersion,
        words: str | None = None,
    ) -> Processed:
        """Another resource shows the same document: the head learns of it, and of its version, once."""
        key = resource_key(self._source_name, source)
        known = head.others.get(source.unversioned)
        if known is None or not at.older_than(known.at):
            sources = tuple(dict.fromkeys((*head.sources, key)))
            told = head.seen(source, at, words).model_copy(update={"sources": sources})
            if told != head and not self._shadow:
                await self._write([], told, head)
        return self._said(source, OutcomeStatus.ALIAS, None, head)

    async def part(self, head: Head, source: SourceReference, report: Report) -> Head | None:
        """A resource was an alias and is none any more: the head forgets it; the head that is its own now.

        Raises:
            StoreConflict: the head changed since it was read.
        """
        if self._shadow:
            return None
        key = resource_key(self._source_name, source)
        sources = tuple(known for known in head.sources if known != key)
        others = {name: o for name, o in head.others.items() if name != source.unversioned}
        left = head.model_copy(update={"sources": sources, "others": others})
        await self._write([], left, head)
        found = await self.find_head(source, report)
        if found is not None and key in found.sources and found.document == head.document:
            raise StoreConflict(
                Reason.STORE_CONFLICT, "Task", "the store does not find what it took"
            )
        return found

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
        head, stored = await self._current(head)
        return withdrawals(head.resources, stored)

    async def settle(self, head: Head) -> None:
        """Undo what a writer without transactions wrote after another had taken over the head.

        What only it wrote is withdrawn; what it wrote over stands again. Nothing is done while a writer
        has the head, nor where none was overtaken.

        Raises:
            StoreConflict: the head or a finding changed since it was read.
        """
        if self._shadow or head.writing or not head.announced:
            return
        current, stored = await self._current(head)
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
        head, stored = await self._current(head)
        gone = withdrawals(head.resources, stored)
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
            await self._ensure(software_resource(self._software, self._systems))
            entries.append(put(self._withdrawal(new, entries)))
        new = await self._write(entries, new, head)
        return self._processed(new, wrote=True)

    def _withdrawal(self, head: Head, entries: list[dict[str, Any]]) -> dict[str, Any]:
        return withdrawal(
            head.document,
            head.revision,
            [*(reference_to(entry["resource"]) for entry in entries), f"Task/{head.id}"],
            self._sources.to(str(head.source)),
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
            await self._write([], new, head)
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
        found = await self._strategy.reserve(head, condition)
        if not found.is_reservation:
            raise StoreConflict(Reason.STORE_CONFLICT, "Task", "another worker wrote it first")
        return found

    async def _current(
        self, head: Head, also: Sequence[str] = ()
    ) -> tuple[Head, dict[str, dict[str, Any]]]:
        """The head with what a writer that was cut off left, and the resources that it answers for.

        Those are by reference; missing ones are left out.
        """
        head, stored = await self._strategy.current(head, also)
        return settled(head, stored), stored

    async def _write(self, entries: list[dict[str, Any]], new: Head, before: Head) -> Head:
        """Write; what a store took before it rejected one of the entries does not stand.

        Raises:
            As `Strategy.write`.
        """
        try:
            return await self._strategy.write(entries, still_open(new), before)
        except RequestRejected:
            await self.settle(from_task(await self._client.read("Task", str(before.id))))
            raise

    def _processed(self, head: Head, *, wrote: bool = False) -> Processed:
        return self._marked(Processed(outcome=head.outcome, rows=head.published, wrote_store=wrote))

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
