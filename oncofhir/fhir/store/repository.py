"""The findings of documents in the clinical data store: read the head, decide, write once.

Every write ends with the head, under its version: two workers cannot both win.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.mapping.build import build
from oncofhir.fhir.mapping.output_options import DEFAULT, Choices
from oncofhir.fhir.mapping.rows import rows_as
from oncofhir.fhir.mapping.run_context import Context
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.changes import changes
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.head_store import Heads
from oncofhir.fhir.store.outcome_report import Telling
from oncofhir.fhir.store.retraction import Retraction
from oncofhir.fhir.store.shared_resources import Standing
from oncofhir.fhir.store.strategies.strategy import Strategy
from oncofhir.fhir.store.strategies.transaction import (
    InOneTransaction,
    entry_of,
    reference_to,
    transaction,
)
from oncofhir.fhir.store.withdrawal import Withdrawals, successor, withdrawals
from oncofhir.schemas.errors import StoreConflict
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.identity import Run
from oncofhir.schemas.outcome import OutcomeStatus, Processed, RowStatus
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
        self._source_name = source_name
        self._systems = IdentifierSystems(prefix=identifier_system)
        self._sources = sources
        strategy = strategy or InOneTransaction(client, self._systems, sources=sources)
        self._organization = organization
        self._software = software_version
        self._shadow = shadow
        self._with_confidence = with_confidence
        self._model_card = model_card
        self._choices = choices
        self._clock = clock
        self._heads = Heads(
            client,
            strategy,
            self._systems,
            source_name=source_name,
            software=software_version,
            clock=clock,
        )
        self._standing = Standing(strategy, self._systems, model_card)
        self._telling = Telling(
            source_name=source_name, software=software_version, shadow=shadow, clock=clock
        )
        self._retraction = Retraction(
            self._heads,
            self._standing,
            sources,
            organization=organization,
            software=software_version,
            clock=clock,
        )

    async def find_head(self, source: SourceReference, report: Report | None = None) -> Head | None:
        """The head of the document that a source resource shows, or that has the report's attachment."""
        return await self._heads.find(source, report)

    def content_of(self, report: Report) -> str:
        """The identity that the report's attachment gives its document, if no other has it."""
        return self._heads.content_of(report)

    async def ensure_standing(self, run: Run, prompt_text: str) -> None:
        """The Devices, prompt set and card that Provenance names, written where they are missing.

        Each is looked up once in this repository's life.
        """
        if not self._shadow:
            await self._standing.ensure_run(run, prompt_text)

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
        ), self._telling.of_head(head)

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
            head = await self._heads.reserve(self.content_of(report), report.source, report.subject)
        context = self.context(report, run, head.document)
        plan = build(context, extraction, head.revision + 1, head.parts)
        # A new document's findings are there already when its head was lost, or is kept under another system.
        planned = [reference_to(r) for r in plan.resources.values()]
        head, stored = await self._heads.current(head, planned if head.is_reservation else ())
        entries, new_head = changes(context, plan, extraction, head, stored)
        new_head = await self._heads.write(entries, new_head, head)
        return self._telling.of_head(new_head, wrote=True)

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
        return self._telling.marked(Processed(outcome=outcome, rows=new_head.rows))

    def republished(self, head: Head) -> Processed:
        """The rows and the outcome of a run that is complete, from the head alone; nothing is written."""
        return self._telling.of_head(head)

    async def alias(
        self,
        head: Head,
        source: SourceReference,
        at: SourceVersion,
        words: str | None = None,
    ) -> Processed:
        """Another resource shows the same document: the head learns of it, and of its version, once."""
        key = self._heads.key_of(source)
        known = head.others.get(source.unversioned)
        if known is None or not at.older_than(known.at):
            sources = tuple(dict.fromkeys((*head.sources, key)))
            told = head.seen(source, at, words).model_copy(update={"sources": sources})
            if told != head and not self._shadow:
                await self._heads.write([], told, head)
        return self._telling.of_version(source, OutcomeStatus.DUPLICATE_RESOURCE, None, head)

    async def part(self, head: Head, source: SourceReference, report: Report) -> Head | None:
        """A resource was an alias and is none any more: the head forgets it; the head that is its own now.

        Raises:
            StoreConflict: the head changed since it was read.
        """
        if self._shadow:
            return None
        key = self._heads.key_of(source)
        sources = tuple(known for known in head.sources if known != key)
        others = {name: o for name, o in head.others.items() if name != source.unversioned}
        left = head.model_copy(update={"sources": sources, "others": others})
        await self._heads.write([], left, head)
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
            return self._telling.of_version(source, OutcomeStatus.RETRACTED, reason, head)
        if head is None:
            head = await self._heads.reserve(self._heads.key_of(source), source, None)
        new = await self._retraction.withdraw(head, source, at.after(head.at), reason, run=None)
        return self._telling.of_head(new, wrote=True)

    async def standing(self, head: Head) -> Withdrawals:
        """What a withdrawal of the document would write, and what humans changed and keep."""
        head, stored = await self._heads.current(head)
        return withdrawals(head.resources, stored)

    async def settle(self, head: Head) -> None:
        """Undo what a writer without transactions wrote after another had taken over the head.

        What only it wrote is withdrawn; what it wrote over stands again. Nothing is done while a writer
        has the head, nor where none was overtaken.

        Raises:
            StoreConflict: the head or a finding changed since it was read.
        """
        if not self._shadow:
            await self._heads.settle(head)

    async def recall(self, head: Head) -> Processed:
        """Withdraw the document because of the model that read it, not of the report.

        The head keeps the run: the same model asked again about the same version stays withdrawn, and
        another model, or the next version, revives what it finds.

        Raises:
            StoreConflict: the head or a finding changed since it was read.
        """
        new = await self._retraction.withdraw(
            head, head.source, head.at, Reason.MODEL_RECALLED, run=head.run
        )
        return self._telling.of_head(new, wrote=True)

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
            await self._heads.write([], new, head)
        return self._telling.of_head(new, wrote=not self._shadow)

    def skipped(self, source: SourceReference, reason: Reason) -> Processed:
        """A report that is not read: an outcome row, and nothing in the store."""
        return self._telling.of_version(source, OutcomeStatus.SKIPPED, reason, None)

    def stale(self, source: SourceReference, head: Head) -> Processed:
        """An older version than the one dealt with: it changes nothing."""
        return self._telling.of_version(source, OutcomeStatus.OLDER_VERSION_IGNORED, None, head)
