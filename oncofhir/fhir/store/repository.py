"""The findings of documents in the clinical data store: read the head, decide, write once.

Every write ends with the head, under the version that was read: of two workers only one can win.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.mapping.build import build
from oncofhir.fhir.mapping.output_options import DEFAULT, OutputOptions
from oncofhir.fhir.mapping.rows import with_status
from oncofhir.fhir.mapping.run_context import RunContext
from oncofhir.fhir.mapping.written_findings import written_findings
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.access import StoreAccess, store_access, utc_now
from oncofhir.fhir.store.document_diff import document_diff
from oncofhir.fhir.store.entries import head_entry, reference_to, transaction_bundle
from oncofhir.fhir.store.head import MAX_ALIASES, Head, as_shadow, result_of, result_without_change
from oncofhir.fhir.store.strategies.strategy import Strategy, choose_strategy
from oncofhir.fhir.store.withdrawal import next_head
from oncofhir.schemas.errors import StoreConflict
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.finding import Finding
from oncofhir.schemas.identity import Run, document_id, resource_key
from oncofhir.schemas.outcome import OutcomeStatus, Processed, RowStatus
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report


class Repository:
    """Writes the findings of one source into one store; in shadow mode it writes nothing.

    Without a `strategy` the server's CapabilityStatement decides, at the first use: `transactions` False
    forbids transactions, and `max_transaction_entries` is the most that one may have.
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
        sources: SourceReferences = SAME,
        strategy: Strategy | None = None,
        transactions: bool = True,
        max_transaction_entries: int | None = None,
        model_card: str | None = None,
        options: OutputOptions = DEFAULT,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._client = client
        self._source_name = source_name
        self._systems = IdentifierSystems(prefix=identifier_system)
        self._organization = organization
        self._software = software_version
        self._shadow = shadow
        self._sources = sources
        self._strategy = strategy
        self._transactions = transactions
        self._max_entries = max_transaction_entries
        self._model_card = model_card
        self._options = options
        self._clock = clock
        self._access: StoreAccess | None = None

    async def access(self) -> StoreAccess:
        """Return the access to the store; its strategy is chosen at the first use.

        Raises:
            UnsuitableServer: the server has another FHIR version than this service writes.
        """
        if self._access is not None:
            return self._access
        strategy = self._strategy or await choose_strategy(
            self._client,
            self._systems,
            sources=self._sources,
            transactions=self._transactions,
            max_entries=self._max_entries,
        )
        if self._access is None:  # no other task has chosen in the meantime
            self._access = store_access(
                self._client,
                strategy,
                self._systems,
                source_name=self._source_name,
                organization=self._organization,
                software=self._software,
                clock=self._clock,
                sources=self._sources,
                model_card=self._model_card,
            )
        return self._access

    async def find_head(self, source: SourceReference, report: Report | None = None) -> Head | None:
        """Find the head of the document that a source resource shows, or that has the report's attachment."""
        return await (await self.access()).heads.find(source, report)

    def document_id_for(self, report: Report) -> str:
        """Return the document identity that the report's attachment gives, if the document has no other."""
        return document_id(self._source_name, report.subject, report.content_key)

    async def ensure_shared_resources(self, run: Run, prompt_text: str) -> None:
        """Write the Devices, prompt set and model card that Provenance names, where they are missing."""
        if not self._shadow:
            await (await self.access()).shared.ensure_run(run, prompt_text)

    def context(self, report: Report, run: Run, document: str) -> RunContext:
        """Return what the resources of this run have in common."""
        return RunContext(
            document=document,
            report=report,
            run=run,
            systems=self._systems,
            source_name=self._source_name,
            organization=self._organization,
            recorded=self._clock(),
            sources=self._sources,
            model_card=self._model_card,
            options=self._options,
        )

    def written_findings(self, report: Report, extraction: Extraction) -> tuple[Finding, ...]:
        """Return the findings with the codes that are written: see `mapping.written_findings`. No I/O."""
        written = written_findings(extraction, report.text, self._options.staging_system)
        return tuple(finding for finding, _ in written)

    def first_version(
        self, report: Report, run: Run, extraction: Extraction
    ) -> tuple[dict[str, Any], Processed]:
        """Build the transaction and the result for a document that the store does not know. No I/O."""
        entries, head = self._plan_as_new(report, run, extraction, None)
        bundle = transaction_bundle([*entries, head_entry(head, self._systems, self._sources)])
        return bundle, self._result_of(head)

    async def store(
        self, report: Report, run: Run, extraction: Extraction, head: Head | None
    ) -> Processed:
        """Write what changed, and the head.

        A document's first head is created empty, on condition that there is none: of several first writers
        only one can write findings under its version. In shadow mode nothing is written, and no stored
        resource is compared.

        Raises:
            StoreConflict: the head or a finding changed since it was read: read it and decide again.
            RequestRejected: store-too-large, store-rejected.
            DependencyUnavailable, AccessDenied: as the store answered.
        """
        if self._shadow:
            return self._result_of(self._plan_as_new(report, run, extraction, head)[1])
        heads = (await self.access()).heads
        # Step 1: reserve the document, if it is new.
        if head is None:
            document = self.document_id_for(report)
            head = await heads.reserve(document, report.source, report.subject)
        # Step 2: plan the resources, and read what the store has of them. A new document's findings may
        # be there already: its head was lost, or is kept under another identifier system.
        context = self.context(report, run, head.document)
        plan = build(context, extraction, head.revision + 1, head.parts)
        planned = [reference_to(resource) for resource in plan.resources.values()]
        head, stored = await heads.read_current(head, planned if head.is_reservation else ())
        # Step 3: write the differences, and the head last.
        entries, new = document_diff(context, plan, extraction, head, stored)
        new = await heads.write(entries, new, head)
        return self._result_of(new, wrote_store=True)

    def _plan_as_new(
        self, report: Report, run: Run, extraction: Extraction, head: Head | None
    ) -> tuple[list[dict[str, Any]], Head]:
        """Plan the write as if the document were new; its revision follows the head's."""
        context = self.context(report, run, head.document if head else self.document_id_for(report))
        revision = head.revision + 1 if head else 1
        plan = build(context, extraction, revision, head.parts if head else {})
        entries, new = document_diff(context, plan, extraction, None, {})
        outcome = new.outcome.model_copy(update={"revision": revision})
        return entries, new.model_copy(update={"outcome": outcome})

    def replay_outcome(self, head: Head) -> Processed:
        """Return the rows and the outcome of a complete run, from the head alone. No I/O."""
        return self._result_of(head)

    async def record_alias(
        self,
        head: Head,
        source: SourceReference,
        version: SourceVersion,
        text_hash: str | None = None,
    ) -> Processed:
        """Record in the head that another resource shows the document, with its version. Idempotent.

        A head with `MAX_ALIASES` records no further ones: it is not written for each of thousands of reports.
        """
        known = head.aliases.get(source.unversioned)
        is_new = known is None and len(head.aliases) < MAX_ALIASES
        if is_new or (known is not None and not version.older_than(known.version)):
            key = resource_key(self._source_name, source)
            sources = tuple(dict.fromkeys((*head.sources, key)))
            new = head.with_alias(source, version, text_hash).model_copy(
                update={"sources": sources}
            )
            if new != head and not self._shadow:
                await (await self.access()).heads.write([], new, head)
        return self.result_without_change(source, OutcomeStatus.DUPLICATE_RESOURCE, head=head)

    async def split_off(self, head: Head, source: SourceReference, report: Report) -> Head | None:
        """Remove an alias from the head, and return the head of the resource's own document, if it has one.

        Raises:
            StoreConflict: the head changed since it was read.
        """
        if self._shadow:
            return None
        key = resource_key(self._source_name, source)
        sources = tuple(known for known in head.sources if known != key)
        aliases = {name: a for name, a in head.aliases.items() if name != source.unversioned}
        remaining = head.model_copy(update={"sources": sources, "aliases": aliases})
        await (await self.access()).heads.write([], remaining, head)
        found = await self.find_head(source, report)
        if found is not None and key in found.sources and found.document == head.document:
            raise StoreConflict(
                Reason.STORE_CONFLICT, "Task", "the search does not show what was written"
            )
        return found

    async def retract(
        self, source: SourceReference, version: SourceVersion, reason: Reason, head: Head | None
    ) -> Processed:
        """Mark every finding of the document entered-in-error; resources that a human edited stay.

        A document that was never read gets a head too, so that an older version that comes late is stale.

        Raises:
            StoreConflict: the head or a finding changed since it was read.
        """
        if self._shadow:
            return self.result_without_change(source, OutcomeStatus.RETRACTED, reason, head)
        access = await self.access()
        if head is None:
            key = resource_key(self._source_name, source)
            head = await access.heads.reserve(key, source, None)
        at = version.after(head.version)
        new = await access.retraction.withdraw(head, source, at, reason, run=None)
        return self._result_of(new, wrote_store=True)

    async def roll_back_overtaken_writes(self, head: Head) -> None:
        """As `HeadStore.roll_back_overtaken_writes`; nothing in shadow mode."""
        if not self._shadow:
            await (await self.access()).heads.roll_back_overtaken_writes(head)

    async def mark_outdated(
        self, source: SourceReference, version: SourceVersion, reason: Reason, head: Head
    ) -> Processed:
        """Mark the findings outdated in head and rows: a newer version cannot be read. Resources stay."""
        new = next_head(
            head,
            source,
            version.after(head.version),
            OutcomeStatus.OUTDATED,
            reason,
            with_status(head.rows, head.revision + 1, RowStatus.OUTDATED),
            dict(head.resources),
            software=self._software,
            recorded=self._clock(),
        )
        if not self._shadow:
            await (await self.access()).heads.write([], new, head)
        return self._result_of(new, wrote_store=not self._shadow)

    def _result_of(self, head: Head, *, wrote_store: bool = False) -> Processed:
        result = result_of(head, wrote_store=wrote_store)
        return as_shadow(result) if self._shadow else result

    def result_without_change(
        self,
        source: SourceReference,
        status: OutcomeStatus,
        reason: Reason | None = None,
        head: Head | None = None,
    ) -> Processed:
        """Return the result of a version that changes nothing, such as a skipped or a stale one. No I/O."""
        result = result_without_change(
            head.document if head else resource_key(self._source_name, source),
            source,
            status,
            reason,
            software=self._software,
            recorded=self._clock(),
        )
        return as_shadow(result) if self._shadow else result
