"""Decides verdicts: checks them against what is stored, writes once, publishes, keeps the index current."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from oncofhir.consumers.processing.equal_reports import DocumentTurns
from oncofhir.fhir.review.model import Review
from oncofhir.fhir.source_references import SAME, SourceReferences
from oncofhir.fhir.store.entries import version_id_of
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head
from oncofhir.review.documents import Documents, Stored, row_of
from oncofhir.review.publishing import ReviewPublisher
from oncofhir.review.reports.source import ReportTexts
from oncofhir.review.reports.view import reviewed_finding
from oncofhir.review.verdicts.added import HUMAN, NO_PROMPTS, NoDiagnosis, added_slot, plan_added
from oncofhir.review.verdicts.differences import differences_of
from oncofhir.review.verdicts.plan import Decided, Entries, Signature, plan_verdict
from oncofhir.review.verdicts.undo import plan_undo
from oncofhir.review.verdicts.unsure import note_unsure, takes_back_unsure
from oncofhir.review.verdicts.values import ACCEPTED, read_value, with_codes
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    RequestRejected,
    StoreConflict,
    UnsuitableServer,
)
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.identity import finding_id, run_of
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus
from oncofhir.schemas.report import Report
from oncofhir.schemas.review import (
    AddMissed,
    Confirm,
    Correct,
    Difference,
    NotSure,
    OutcomeKind,
    Refute,
    ReportState,
    ReviewedFinding,
    Reviewer,
    Undo,
    Verdict,
    VerdictOutcome,
)
from oncofhir.terminology import TERMINOLOGY_VERSION

_ATTEMPTS = 3
_UNAVAILABLE = (DependencyUnavailable, AccessDenied, UnsuitableServer, StoreConflict)


class Refused(Exception):
    """A verdict that cannot be written: its outcome."""

    def __init__(self, outcome: VerdictOutcome) -> None:
        super().__init__(outcome.kind.value)
        self.outcome = outcome


class Decisions:
    """Writes verdicts. Two on one document are written one after the other."""

    def __init__(
        self,
        documents: Documents,
        texts: ReportTexts,
        publisher: ReviewPublisher,
        *,
        organization: str,
        software: str,
        clock: Callable[[], datetime],
        sources: SourceReferences = SAME,
    ) -> None:
        self._documents = documents
        self._texts = texts
        self._publisher = publisher
        self._organization = organization
        self._software = software
        self._clock = clock
        self._sources = sources
        self._turns = DocumentTurns()

    def lock(self, document: str) -> AbstractAsyncContextManager[None]:
        """The lock under which a document is read and written."""
        return self._turns.turn(document)

    async def decide(
        self, verdict: Verdict, reviewer: Reviewer, expected_version: str | None
    ) -> VerdictOutcome:
        """As `ReviewStore.decide`."""
        document = await self._document_of(verdict)
        if document is None:
            return VerdictOutcome(kind=OutcomeKind.FINDING_NOT_FOUND)
        by = Signature(
            reviewer=reviewer,
            at=self._clock(),
            organization=self._organization,
            software=self._software,
            sources=self._sources,
        )
        try:
            async with self.lock(document):
                return await self._decide(document, verdict, by, expected_version)
        except Refused as refused:
            return refused.outcome
        except RequestRejected as error:
            detail = ": ".join(filter(None, (error.reason.value, error.detail)))
            return VerdictOutcome(kind=OutcomeKind.STORE_REFUSED, detail=detail)
        except _UNAVAILABLE as error:
            return VerdictOutcome(kind=OutcomeKind.STORE_UNAVAILABLE, detail=error.reason.value)

    async def _document_of(self, verdict: Verdict) -> str | None:
        if isinstance(verdict, AddMissed):
            return verdict.document
        item = await asyncio.to_thread(self._documents.index.item, verdict.finding)
        return item.document if item is not None else None

    async def _decide(
        self, document: str, verdict: Verdict, by: Signature, expected: str | None
    ) -> VerdictOutcome:
        for attempt in range(1, _ATTEMPTS + 1):
            head = await self._documents.head(document)
            if head is None:
                raise Refused(VerdictOutcome(kind=OutcomeKind.FINDING_NOT_FOUND))
            head, stored = await self._documents.read_current(head)
            entries, new, finding = await self._planned(head, stored, verdict, by, expected)
            await self._publisher.intend(head)
            await (await self._documents.repository.access()).shared.ensure_software(self._software)
            try:
                new = await self._documents.write(entries, new, head)
            except StoreConflict:
                if attempt == _ATTEMPTS:
                    raise
                continue  # the next round finds what has changed, and reports a conflict on the finding
            return await self._done(new, finding, head.revision)
        raise AssertionError("the loop returns or raises")  # pragma: no cover

    async def _planned(
        self, head: Head, stored: Stored, verdict: Verdict, by: Signature, expected: str | None
    ) -> tuple[Entries, Head, str]:
        if isinstance(verdict, AddMissed):
            return await self._planned_addition(head, stored, verdict, by)
        row = row_of(head, verdict.finding)
        if row is None or stored.get(row.resource or "") is None:
            raise Refused(VerdictOutcome(kind=OutcomeKind.FINDING_NOT_FOUND))
        resource = stored[row.resource or ""]
        if expected is not None and version_id_of(resource) != expected:
            await self._check_unchanged(head, stored, row, expected)
        if isinstance(verdict, NotSure):
            return [], note_unsure(head, row, verdict.comment, by), row.finding
        if isinstance(verdict, Undo):
            return await self._planned_undo(head, stored, row, by)
        decided = _decided(verdict, row, head)
        return *plan_verdict(head, stored, row, decided, by), row.finding

    async def _check_unchanged(
        self, head: Head, stored: Stored, row: PhenotypeRow, expected: str
    ) -> None:
        """Refuse a verdict on a finding that changed since the reviewer saw it.

        A Condition holds several findings: a verdict on one of them is no change of the others.
        """
        heads = (await self._documents.repository.access()).heads
        seen = await heads.read_version(head, row.resource or "", expected)
        resource = stored[row.resource or ""]
        differences = differences_of(seen, resource, row)
        if seen is None or differences:
            raise Refused(await self._conflict(head, stored, row, differences))

    async def _planned_undo(
        self, head: Head, stored: Stored, row: PhenotypeRow, by: Signature
    ) -> tuple[Entries, Head, str]:
        sure_again = takes_back_unsure(head, row, by)
        if sure_again is not None:
            return [], sure_again, row.finding
        review = head.reviews.get(row.finding)
        is_withdrawn = review is not None and review.status is ReviewStatus.ENTERED_IN_ERROR
        if review is None or not review.here or (review.added is not None and is_withdrawn):
            raise Refused(VerdictOutcome(kind=OutcomeKind.NOTHING_TO_UNDO))
        for reference in review.versions_before:
            left = head.reviewed_content.get(reference)
            current = stored.get(reference)
            if left is not None and (current is None or fingerprint(current) != left):
                raise Refused(await self._conflict(head, stored, row, ()))
        heads = (await self._documents.repository.access()).heads
        earlier: dict[str, dict[str, Any]] = {}
        for reference, version in review.versions_before.items():
            resource = await heads.read_version(head, reference, version)
            if resource is None:
                detail = "the store does not keep the version before the verdict"
                raise Refused(VerdictOutcome(kind=OutcomeKind.STORE_REFUSED, detail=detail))
            earlier[reference] = resource
        return *plan_undo(head, stored, row, earlier, by), row.finding

    async def _planned_addition(
        self, head: Head, stored: Stored, verdict: AddMissed, by: Signature
    ) -> tuple[Entries, Head, str]:
        shown = await self._texts.read(head)
        report = shown.report
        if report is None or shown.state is not ReportState.SHOWN or not shown.is_read_text:
            raise Refused(VerdictOutcome(kind=OutcomeKind.REPORT_NOT_FOUND))
        if not verdict.start < verdict.end <= len(report.text):
            detail = "select the words of the report that say it"
            raise Refused(VerdictOutcome(kind=OutcomeKind.INVALID_VALUE, detail=detail))
        value = read_value(verdict.kind, verdict.slot, verdict.value)
        if value is None:
            raise Refused(_invalid(verdict.kind))
        value = with_codes(value, verdict.kind, verdict.slot, verdict.coding, has_codes=True)
        context = self._documents.repository.context(
            report, _run(report, self._software), head.document
        )
        try:
            entries, new = plan_added(context, head, stored, verdict, value, by)
        except NoDiagnosis:
            detail = "add the diagnosis first: the site and the side are written into it"
            raise Refused(VerdictOutcome(kind=OutcomeKind.INVALID_VALUE, detail=detail)) from None
        return entries, new, finding_id(head.document, added_slot(verdict))

    async def _done(self, new: Head, finding: str, after: int) -> VerdictOutcome:
        """Read back the versions that the store gave, publish the rows, and bring all into the index."""
        new, stored = await self._documents.read_current(new)
        await self._documents.saw(new, stored)
        published = await self._publisher.try_to_publish(new, after)
        shown = await self._finding(new, stored, finding)
        return VerdictOutcome(kind=OutcomeKind.DONE, finding=shown, published=published)

    async def _finding(self, head: Head, stored: Stored, finding: str) -> ReviewedFinding | None:
        item = await asyncio.to_thread(self._documents.index.item, finding)
        return reviewed_finding(head, stored, item, None) if item is not None else None

    async def _conflict(
        self, head: Head, stored: Stored, row: PhenotypeRow, differences: Sequence[Difference]
    ) -> VerdictOutcome:
        """What has changed since the reviewer saw the finding, by whom, and its state now."""
        review = head.reviews.get(row.finding)
        await self._documents.saw(head, stored)
        return VerdictOutcome(
            kind=OutcomeKind.CONFLICT,
            finding=await self._finding(head, stored, row.finding),
            differences=tuple(differences),
            changed_by=review.reviewer if review is not None else None,
            changed_by_name=_name_of(review),
            changed_at=review.at if review is not None else None,
        )


def _decided(verdict: Confirm | Correct | Refute, row: PhenotypeRow, head: Head) -> Decided:
    if isinstance(verdict, Confirm):
        return Decided(status=ReviewStatus.CONFIRMED, comment=verdict.comment)
    if isinstance(verdict, Refute):
        status = ReviewStatus.ENTERED_IN_ERROR if verdict.in_error else ReviewStatus.REFUTED
        return Decided(status=status, comment=verdict.comment)
    value = read_value(row.kind, row.slot, verdict.value)
    if value is None:
        raise Refused(_invalid(row.kind))
    near = {
        r.kind: r.value
        for r in head.published_rows
        if r.lesion == row.lesion and r.part == row.part
    }
    value = with_codes(
        value,
        row.kind,
        row.slot,
        verdict.coding,
        has_codes=bool(row.codings),
        site=near.get(Kind.TUMOR_SITE),
        laterality=near.get(Kind.TUMOR_LATERALITY),
    )
    return Decided(status=ReviewStatus.CORRECTED, value=value, comment=verdict.comment)


def _name_of(review: Review | None) -> str | None:
    """The name of whose word a review is, if it is known."""
    if review is None:
        return None
    return next((o.display for o in review.opinions if o.reviewer == review.reviewer), None)


def _invalid(kind: Kind) -> VerdictOutcome:
    return VerdictOutcome(kind=OutcomeKind.INVALID_VALUE, detail=f"expected {ACCEPTED[kind]}")


def _run(report: Report, software: str) -> Any:
    """The run of a reviewer, for the resources that the mapping builds."""
    return run_of(report, HUMAN, NO_PROMPTS, "review", TERMINOLOGY_VERSION, software)
