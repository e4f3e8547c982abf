"""Edits of a document that the head does not know yet: what a human did with another FHIR client. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from oncofhir.fhir.review.edits import Author, ReadEdit, read_edit
from oncofhir.fhir.review.elements import value_in
from oncofhir.fhir.review.model import Review
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus
from oncofhir.schemas.review import Opinion

Resources = Mapping[str, dict[str, Any]]
_LOCATED = frozenset({Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY})


def review_after_edit(
    resource: dict[str, Any] | None,
    row: PhenotypeRow,
    known: Review | None,
    author: Author,
    *,
    text_hash: str | None,
) -> Review | None:
    """Return the review of the finding `row` after its resource was edited; None if there is none any more.

    `row` is the machine's, or the one that a reviewer added. An edit that leaves the human's word as it was,
    such as a note, keeps the review with its author and time. The status of a Condition says nothing of its
    site and side: their review stands as long as the value does.
    """
    edit = _read(resource, row)
    if known is not None and known.decides and _keeps(known, edit, resource, row):
        return known
    if author.at is None or edit.status is ReviewStatus.UNREVIEWED:
        if known is None:
            return None
        undecided = {"status": ReviewStatus.UNREVIEWED, "value": None, "here": False}
        return known.model_copy(update=undecided) if known.opinions or known.added else None
    opinion = Opinion(
        status=edit.status,
        reviewer=author.reviewer,
        display=author.display,
        at=author.at,
        value=edit.value,
    )
    review = Review(
        status=edit.status,
        reviewer=author.reviewer,
        at=author.at,
        value=edit.value,
        resource=row.resource or "",
        text_hash=text_hash,
        added=known.added if known else None,
        opinions=known.opinions if known else (),
        before=known.model_copy(update={"before": None}) if known else None,
    )
    return review.with_opinion(opinion)


def _read(resource: dict[str, Any] | None, row: PhenotypeRow) -> ReadEdit:
    """Read an edit. A resource whose elements have forms that FHIR does not allow says nothing."""
    try:
        return read_edit(resource, row)
    except (AttributeError, KeyError, TypeError, ValueError):
        return ReadEdit(status=ReviewStatus.UNREVIEWED)


def _keeps(
    known: Review, edit: ReadEdit, resource: dict[str, Any] | None, row: PhenotypeRow
) -> bool:
    if edit.status is ReviewStatus.UNREVIEWED:
        if row.kind not in _LOCATED or resource is None or not known.is_in_force:
            return False
        value = value_in(resource, row)
        return value is not None and known.value is not None and value.value == known.value.value
    if not known.is_in_force:
        return edit.status is known.status
    if edit.status not in {ReviewStatus.CONFIRMED, ReviewStatus.CORRECTED}:
        return False
    if edit.value is None or known.value is None:
        return edit.value == known.value
    same_number = edit.value.number == known.value.number
    return same_number and edit.value.value.lower() == known.value.value.lower()


def rows_on(rows: tuple[PhenotypeRow, ...], reference: str) -> Iterator[PhenotypeRow]:
    """Yield the rows that a resource holds."""
    return (row for row in rows if row.resource == reference)
