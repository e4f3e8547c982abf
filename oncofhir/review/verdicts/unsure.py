"""A reviewer who is not sure: noted in the head, for another reviewer, or taken back. Pure."""

from oncofhir.fhir.review.model import Review
from oncofhir.fhir.store.head import Head
from oncofhir.review.publishing import with_revision
from oncofhir.review.verdicts.plan import Signature
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus
from oncofhir.schemas.review import Opinion


def note_unsure(head: Head, row: PhenotypeRow, comment: str | None, by: Signature) -> Head:
    """Return the head with the opinion. An earlier verdict stays; no row changes."""
    opinion = Opinion(
        status=ReviewStatus.UNREVIEWED,
        reviewer=by.reviewer.key,
        display=by.reviewer.display,
        at=by.at,
        unsure=True,
        comment=comment,
    )
    before = head.reviews.get(row.finding) or Review(
        status=ReviewStatus.UNREVIEWED,
        at=by.at,
        resource=row.resource or "",
        text_hash=head.current_text_hash,
    )
    reviews = head.reviews | {row.finding: before.with_opinion(opinion)}
    return with_revision(head, head.model_copy(update={"reviews": reviews}))


def takes_back_unsure(head: Head, row: PhenotypeRow, by: Signature) -> Head | None:
    """Return the head without the reviewer's NotSure, None if that is not the last word on the finding."""
    review = head.reviews.get(row.finding)
    if review is None or not review.opinions:
        return None
    last, *others = review.opinions
    if not last.unsure or last.reviewer != by.reviewer.key:
        return None
    reviews = {finding: r for finding, r in head.reviews.items() if finding != row.finding}
    if others or review.decides:
        reviews[row.finding] = review.model_copy(update={"opinions": tuple(others)})
    return with_revision(head, head.model_copy(update={"reviews": reviews}))
