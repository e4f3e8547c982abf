"""Rows of a document with the human's word. Pure.

A head keeps the machine's rows and the reviews apart, so that a re-run changes the former only. What is
published has both.
"""

from collections.abc import Iterator, Mapping, Sequence

from oncofhir.fhir.review.model import Review
from oncofhir.schemas.outcome import (
    OutcomeRow,
    OutcomeStatus,
    PhenotypeRow,
    ReviewStatus,
    RowOperation,
    RowStatus,
)


def reviewed_rows(
    rows: Sequence[PhenotypeRow], reviews: Mapping[str, Review], outcome: OutcomeRow
) -> Iterator[PhenotypeRow]:
    """Yield the rows in force: the machine's under the reviews, then those that reviewers added.

    `reviews` is by finding. A finding that a human refuted, deleted or marked entered-in-error is retracted;
    a confirmed or corrected one has the value that the human saw or chose, whatever the machine found since.
    An added row follows the document's revisions.
    """
    for row in rows:
        review = reviews.get(row.finding)
        yield row if review is None else _reviewed(row, review, outcome)
    for review in reviews.values():
        if review.added is not None:
            revision = max(review.added.revision, outcome.revision)
            added = review.added.model_copy(update={"revision": revision})
            yield _reviewed(added, review, outcome)


def _reviewed(row: PhenotypeRow, review: Review, outcome: OutcomeRow) -> PhenotypeRow:
    if not review.decides:
        return row
    update: dict[str, object] = {
        "reviewed": True,
        "review_status": review.status,
        "reviewer": review.reviewer,
        "reviewed_at": review.at,
    }
    if not review.is_in_force:
        update |= {"status": RowStatus.WITHDRAWN, "operation": RowOperation.RETRACT}
        return row.model_copy(update=update)
    update |= {"operation": RowOperation.UPSERT, "status": _status(row, review, outcome)}
    if review.value is not None:
        update |= {
            name: getattr(review.value, name) for name in ("value", "number", "unit", "codings")
        }
    if review.status is ReviewStatus.CORRECTED:
        update |= {"machine_asserted": False, "confidence": None, "calibrated": False}
    return row.model_copy(update=update)


def _status(row: PhenotypeRow, review: Review, outcome: OutcomeRow) -> RowStatus:
    """Outdated stays so; a corrected finding, and one of a retracted report, is human-edited."""
    if row.status is RowStatus.OUTDATED or outcome.status is OutcomeStatus.OUTDATED:
        return RowStatus.OUTDATED
    is_retracted = outcome.status is OutcomeStatus.RETRACTED
    is_machines = review.status is ReviewStatus.CONFIRMED and row.machine_asserted
    return RowStatus.CURRENT if is_machines and not is_retracted else RowStatus.HUMAN_EDITED
