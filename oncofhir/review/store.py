"""What the review page needs of the findings: the interface, which `review.service` implements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from oncofhir.schemas.finding import Kind
from oncofhir.schemas.review import (
    Agreement,
    CodeChoice,
    PageRequest,
    ReportView,
    Reviewer,
    Verdict,
    VerdictOutcome,
    WorklistFilter,
    WorklistPage,
)


class ReviewStore(Protocol):
    """Lists, shows and decides findings."""

    async def worklist(self, wanted: WorklistFilter, page: PageRequest) -> WorklistPage:
        """List findings from the local index. It never asks the store."""

    async def report(self, document: str) -> ReportView | None:
        """Show a document (UUID) with its text, read from its source; None if no such document is known.

        Raises:
            DependencyUnavailable, AccessDenied: the store or the source cannot be asked.
        """

    async def decide(
        self, verdict: Verdict, reviewer: Reviewer, expected_version: str | None
    ) -> VerdictOutcome:
        """Write a verdict in one transaction. `Undo` is a verdict too.

        `expected_version` is the `version_id` that the reviewer saw; None for `AddMissed`. What goes wrong is
        an outcome, not an exception.
        """

    async def search_codes(
        self, kind: Kind, text: str, *, slot: str | None = None, limit: int = 20
    ) -> Sequence[CodeChoice]:
        """Find the values of a phenotype, with codes, whose name, synonym or code resembles `text`.

        An empty text returns the first values of the phenotype, all of them if they are few.
        """

    async def agreement(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> Sequence[Agreement]:
        """Count the verdicts per phenotype, site and model, by the time of the review."""
