"""The main path of a report, from an event to rows.

resolve → triage → read → head → decide → ask → build and store → rows.
"""

from collections.abc import Callable
from time import monotonic

import structlog

from oncofhir.consumers.processing.equal_reports import DocumentTurns
from oncofhir.consumers.processing.report_reader import ReportReader
from oncofhir.fhir.intake.source_reader import SourceReader
from oncofhir.fhir.intake.triage import Retract, Skip
from oncofhir.fhir.references import relative_reference
from oncofhir.fhir.rest.capability import Capability, check_version
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.source_version import NEVER_READ, SourceVersion, source_version_of, with_version
from oncofhir.fhir.store.decision import AttachmentIdentity, Decision, decide
from oncofhir.fhir.store.document_diff import report_version
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.repository import Repository
from oncofhir.inference.clients.replica_set import QueueStats
from oncofhir.inference.extractor import Extractor
from oncofhir.schemas.errors import ModelReplaced, RequestRejected, StoreConflict
from oncofhir.schemas.event import Operation, ReportEvent, SourceReference
from oncofhir.schemas.extraction import Extraction, ModelIdentity
from oncofhir.schemas.identity import Run, run_of
from oncofhir.schemas.outcome import OutcomeStatus, Processed
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.terminology import TERMINOLOGY_VERSION

log = structlog.get_logger(__name__)
WRITE_ATTEMPTS = 3
IDENTITY_SECONDS = 30.0
_SUPERSEDED = "superseded"  # DocumentReference.status
_CHANGES_NOTHING = frozenset(
    {OutcomeStatus.OLDER_VERSION_IGNORED, OutcomeStatus.DUPLICATE_RESOURCE}
)


class Pipeline:
    """Processes events against one source, one model and one store.

    `model_queue` counts the requests at the model servers. `settings_sha256` identifies the
    settings that change the findings; `prompt_text` is the prompt set as it is stored with the findings.
    `tracer` measures the steps.
    """

    def __init__(
        self,
        *,
        reader: ReportReader,
        source: SourceReader,
        store: FhirClient,
        repository: Repository,
        extractor: Extractor,
        model_queue: Callable[[], QueueStats],
        settings_sha256: str,
        prompt_text: str,
        software_version: str,
        clock: Callable[[], float] = monotonic,
        tracer: Tracer = NO_TRACING,
    ) -> None:
        self._reader = reader
        self._source = source
        self._store = store
        self._repository = repository
        self._extractor = extractor
        self.model_queue = model_queue
        self._settings_sha256 = settings_sha256
        self._prompt_text = prompt_text
        self._software_version = software_version
        self._clock = clock
        self._tracer = tracer
        self._model: tuple[float, ModelIdentity] | None = None
        self._logged_capability: Capability | None = None
        self._shared_resources: set[tuple[str, str]] = set()
        self._documents = DocumentTurns()

    def unavailable_hosts(self) -> tuple[str, ...]:
        """Return the attachment hosts that are left alone; only the reports that name them wait."""
        return self._source.unavailable_hosts

    async def check_dependencies(self) -> None:
        """Prove that the model and the store answer.

        Raises:
            DependencyUnavailable, AccessDenied: with the address of the one that does not.
            UnsuitableServer: the store has another FHIR version than this service writes.
        """
        able = await self._store.fetch_capability()
        check_version(able, self._store.base_url)
        if able != self._logged_capability:  # each start attempt checks again
            self._logged_capability = able
            self._log_capability(able)
        self._model = None
        await self._model_identity()

    def _log_capability(self, able: Capability) -> None:
        log.info(
            "FHIR server capabilities",
            fhir_version=able.fhir_version,
            transaction=able.transaction,
            batch=able.batch,
            update_create=able.chooses_ids,
        )
        if not able.guards_versions:
            log.warning(
                "FHIR server does not support If-Match; run a single worker to avoid concurrent writes",
                address=self._store.base_url,
            )

    async def process(self, event: ReportEvent) -> Processed:
        """Process one event completely.

        Raises:
            UnreadableReport, RequestRejected: this report is a dead letter.
            DependencyUnavailable, StoreConflict: try again later.
            AccessDenied: halt.
        """
        began = self._clock()
        reading = await self._reader.read(event, self._source.with_companions(event.companions))
        at = source_version_of(reading.resource or event.resource, event.source.version)
        source = with_version(event.source, at)
        if isinstance(reading.result, Retract):
            return await self._retract(source, at, reading.result.reason)
        if isinstance(reading.result, Skip):
            outdated = await self._mark_outdated(source, at, reading.result.reason)
            return outdated or self._repository.result_without_change(
                source, OutcomeStatus.SKIPPED, reading.result.reason
            )
        read = self._clock()
        seconds = {"read": read - began}
        processed = await self._extract_and_store(reading.result, seconds)
        seconds["store"] = self._clock() - read - seconds.get("ask", 0.0)
        processed = processed.model_copy(update={"seconds": seconds})
        if processed.outcome.status in _CHANGES_NOTHING:
            return processed
        also = await self._supersede(reading.replaces, reading.result.source)
        return processed.model_copy(update={"also": also})

    async def mark_outdated(self, event: ReportEvent, reason: Reason) -> tuple[Processed, ...]:
        """Mark the findings of an earlier version as outdated, since the event is a dead letter. Idempotent.

        Raises:
            DependencyUnavailable, StoreConflict: try again later.
            AccessDenied: halt.
        """
        at = source_version_of(event.resource, event.source.version)
        if event.resource is None and event.operation is not Operation.DELETE:
            # A reference has no status: state little, so that a replay is not ignored as older.
            at = NEVER_READ.model_copy(update={"version": event.source.version})
        try:
            outdated = await self._mark_outdated(event.source, at, reason)
        except RequestRejected:  # since the store may have rejected the report itself
            return ()
        return (outdated,) if outdated is not None else ()

    async def _supersede(
        self, replaced: tuple[str, ...], by: SourceReference
    ) -> tuple[Processed, ...]:
        """Mark the findings of the documents that this one replaces as outdated.

        The source should set their status to `superseded`, but may not publish that. Repeated on
        each delivery, so that an interruption does no harm.
        """
        done: list[Processed] = []
        for reference in replaced:
            named = relative_reference(self._source.relative(reference))
            if named is None or named.type != by.type or named.id == by.id:
                continue
            source = named.model_copy(update={"version": None})
            head = await self._repository.find_head(source)
            if head is None or head.source.unversioned != source.unversioned:
                continue  # never read, or another resource owns the document
            if head.outcome.reason == Reason.SUPERSEDED.value:
                done.append(self._repository.replay_outcome(head))
            elif head.outcome.status is not OutcomeStatus.RETRACTED:
                at = SourceVersion(status=_SUPERSEDED)
                done.append(
                    await self._repository.mark_outdated(source, at, Reason.SUPERSEDED, head)
                )
        return tuple(done)

    async def _extract_and_store(self, report: Report, seconds: dict[str, float]) -> Processed:
        """Extract and store; records in `seconds` how long the model took, if it was asked."""
        try:
            return await self._extract_once(report, seconds)
        except ModelReplaced:  # its successor is asked at once
            return await self._extract_once(report, seconds)

    async def _extract_once(self, report: Report, seconds: dict[str, float]) -> Processed:
        run = run_of(
            report,
            await self._model_identity(),
            self._extractor.prompt_set,
            self._settings_sha256,
            TERMINOLOGY_VERSION,
            self._software_version,
        )
        try:
            async with self._documents.turn(self._repository.document_id_for(report)):
                return await self._decide_ask_and_store(report, run, seconds)
        except ModelReplaced:
            self._model = None
            raise

    async def _decide_ask_and_store(
        self, report: Report, run: Run, seconds: dict[str, float]
    ) -> Processed:
        extraction: Extraction | None = None
        for attempt in range(1, WRITE_ATTEMPTS + 1):
            with self._tracer.span("decide"):
                head = await self._repository.find_head(report.source, report)
                decision = self._decision(head, report, run)
                if head is not None and decision is Decision.SPLIT:
                    head = await self._repository.split_off(head, report.source, report)
                    decision = self._decision(head, report, run)
            if head is not None and decision is not Decision.UPDATE:
                return await self._skip_extraction(decision, head, report)
            if extraction is None:
                began = self._clock()
                with self._tracer.span("ask"):
                    extraction = await self._extractor.extract(report, run.model)
                seconds["ask"] = self._clock() - began
            try:
                with self._tracer.span("store"):
                    await self._ensure_shared_resources(run)
                    processed = await self._repository.store(report, run, extraction, head)
            except StoreConflict:
                if attempt == WRITE_ATTEMPTS:
                    raise
                continue
            return processed.model_copy(update={"asked_model": True, "usage": extraction.usage})
        raise AssertionError("the loop returns or raises")  # pragma: no cover

    def _decision(self, head: Head | None, report: Report, run: Run) -> Decision:
        document = self._repository.document_id_for(report)
        shows = AttachmentIdentity(document=document, text_hash=report.words_sha256)
        return decide(head, report.source, report_version(report), run.id, shows)

    async def _skip_extraction(self, decision: Decision, head: Head, report: Report) -> Processed:
        await self._repository.roll_back_overtaken_writes(head)
        if decision is Decision.UNCHANGED:
            return self._repository.replay_outcome(head)
        if decision is Decision.ALIAS:
            at, words = report_version(report), report.words_sha256
            return await self._repository.record_alias(head, report.source, at, words)
        return self._repository.result_without_change(
            report.source, OutcomeStatus.OLDER_VERSION_IGNORED, head=head
        )

    async def _retract(
        self, source: SourceReference, at: SourceVersion, reason: Reason
    ) -> Processed:
        head = await self._repository.find_head(source)
        if head is not None:
            decision = decide(head, source, at, None)
            if decision is Decision.ALIAS:
                return await self._repository.record_alias(head, source, at)
            is_done = head.outcome.status == "retracted" and head.version == at.after(head.version)
            if decision is Decision.STALE or is_done:
                await self._repository.roll_back_overtaken_writes(head)
            if decision is Decision.STALE:
                return self._repository.result_without_change(
                    source, OutcomeStatus.OLDER_VERSION_IGNORED, head=head
                )
            if is_done:
                return self._repository.replay_outcome(head)
        return await self._repository.retract(source, at, reason, head)

    async def _mark_outdated(
        self, source: SourceReference, at: SourceVersion, reason: Reason
    ) -> Processed | None:
        """Mark the findings of an earlier version as outdated, if there are any. Idempotent."""
        head = await self._repository.find_head(source)
        if head is None or decide(head, source, at, None) is not Decision.UPDATE:
            return None
        if head.version == at.after(head.version):
            is_done = head.outcome.status is OutcomeStatus.OUTDATED
            return self._repository.replay_outcome(head) if is_done else None
        return await self._repository.mark_outdated(with_version(source, at), at, reason, head)

    async def _model_identity(self) -> ModelIdentity:
        """Return the model's identity, refreshed at times: another model may be deployed at its address."""
        now = self._clock()
        if self._model is None or now - self._model[0] > IDENTITY_SECONDS:
            self._model = (now, await self._extractor.identify())
        return self._model[1]

    async def _ensure_shared_resources(self, run: Run) -> None:
        key = (run.model.name, run.model.digest)
        if key not in self._shared_resources:
            await self._repository.ensure_shared_resources(run, self._prompt_text)
            self._shared_resources.add(key)
