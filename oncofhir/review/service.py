"""`ReviewStore` on a FHIR server, a source of reports and the local index."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.head_task import from_task
from oncofhir.review.agreement.counts import agreement_of
from oncofhir.review.agreement.export import Example, ExampleFormat, example_of
from oncofhir.review.documents import Documents
from oncofhir.review.reports.source import ReportTexts
from oncofhir.review.reports.view import report_view
from oncofhir.review.verdicts.decide import Decisions
from oncofhir.schemas.errors import RequestRejected, UnreadableReport
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.review import (
    Agreement,
    CodeChoice,
    PageRequest,
    ReportView,
    Reviewer,
    Verdict,
    VerdictOutcome,
    WorklistFilter,
    WorklistItem,
    WorklistPage,
)
from oncofhir.terminology.choices import search_choices

_PAGE_SIZE = 500
_ANY = tuple(ReviewStatus)
_ORDER = {kind: position for position, kind in enumerate(Kind)} | {Kind.DIAGNOSIS: -1}


class FhirReviewStore:
    """See `review.store.ReviewStore` for the contract."""

    def __init__(self, documents: Documents, texts: ReportTexts, decisions: Decisions) -> None:
        self.documents = documents
        self.decisions = decisions
        self._texts = texts

    @property
    def client(self) -> FhirClient:
        """The store."""
        return self.documents.client

    async def worklist(self, wanted: WorklistFilter, page: PageRequest) -> WorklistPage:
        return await asyncio.to_thread(self.documents.index.worklist, wanted, page)

    async def report(self, document: str) -> ReportView | None:
        head = await self.documents.head(document)
        if head is None:
            return None
        (head, stored), shown, before, person = await asyncio.gather(
            self.documents.read_current(head),
            self._texts.read(head),
            self._heads_before(head),
            self._texts.patient(head),
        )
        await self.documents.saw(head, stored)
        items = sorted(await self._items_of(document), key=lambda item: _ORDER[item.kind])
        return report_view(head, stored, items, shown, before, person)

    async def _items_of(self, document: str) -> list[WorklistItem]:
        wanted = WorklistFilter(document=document, review=_ANY)
        items: list[WorklistItem] = []
        while True:
            page = await self.worklist(wanted, PageRequest(offset=len(items), limit=_PAGE_SIZE))
            items += page.items
            if len(page.items) < _PAGE_SIZE:
                return items

    async def _heads_before(self, head: Head) -> list[Head]:
        """The versions of the head, as far as the store shows them."""
        try:
            tasks = await self.client.history(f"Task/{head.id}")
        except (UnreadableReport, RequestRejected):
            return []
        heads = []
        for task in tasks:
            try:
                heads.append(from_task(task))
            except RequestRejected:  # a version that another client wrote
                continue
        return heads

    async def decide(
        self, verdict: Verdict, reviewer: Reviewer, expected_version: str | None
    ) -> VerdictOutcome:
        return await self.decisions.decide(verdict, reviewer, expected_version)

    async def examples(self, format: ExampleFormat) -> AsyncIterator[Example | None]:  # noqa: A002
        """Yield the reviewed documents as labelled examples; None for one whose text cannot be read again.

        Raises:
            DependencyUnavailable, AccessDenied: the store or the source cannot be asked.
        """
        for document in await asyncio.to_thread(self.documents.index.reviewed_documents):
            head = await self.documents.head(document)
            if head is None:
                continue
            shown = await self._texts.read(head)
            if shown.report is None or not shown.is_read_text:
                yield None
                continue
            example = example_of(head, shown.report.text, format)
            if example is not None:
                yield example

    async def search_codes(
        self, kind: Kind, text: str, *, slot: str | None = None, limit: int = 20
    ) -> Sequence[CodeChoice]:
        return await asyncio.to_thread(search_choices, kind, text, slot, limit)

    async def agreement(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> Sequence[Agreement]:
        return await asyncio.to_thread(agreement_of, self.documents.index, since, until)
