"""The worklist items of a document, from its head. Pure.

Why a finding is listed, and how much a review of it gains, is decided here.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from oncofhir.fhir.elements import instant
from oncofhir.fhir.review.model import Review
from oncofhir.fhir.store.head import Head
from oncofhir.schemas.finding import Kind, Rejection
from oncofhir.schemas.outcome import OutcomeStatus, PhenotypeRow, ReviewStatus, RowStatus
from oncofhir.schemas.review import Opinion, ReviewReason, WorklistItem

_OUTDATED = frozenset({OutcomeStatus.OUTDATED, OutcomeStatus.RETRACTED})
_OPEN_QUESTION = frozenset({Rejection.AMBIGUOUS, Rejection.CONTRADICTED})
# What a reviewer gains most from first: a word that may not hold any more, then what cannot all be right.
_WEIGHT = {
    ReviewReason.OUTDATED: 0.9,
    ReviewReason.CONFLICTING: 0.8,
    ReviewReason.AMBIGUOUS: 0.7,
    ReviewReason.EDITED: 0.6,
    ReviewReason.LOW_CONFIDENCE: 0.5,
    ReviewReason.UNREVIEWED: 0.2,
}
_UNCERTAINTY = 0.05
_OF_A_DIAGNOSIS = 0.04
_HALF = 0.5


def items_of(
    head: Head,
    versions: Mapping[str, str | None],
    *,
    site: str,
    low_confidence: float,
) -> Iterator[WorklistItem]:
    """Yield an item for each finding of a document, also for those without a reason.

    `versions` are the versions of the resources by the server's reference. A finding that the machine
    withdrew before anybody reviewed it is left out.
    """
    rows = list(head.published_rows)
    body_sites = _body_sites(rows)
    conflicting = _conflicting(rows)
    edited = _edited(head)
    for row in rows:
        review = head.reviews.get(row.finding)
        if row.status is RowStatus.WITHDRAWN and (review is None or not review.decides):
            continue
        reasons = _reasons(head, row, review, low_confidence)
        if row.finding in conflicting:
            reasons.add(ReviewReason.CONFLICTING)
        if row.resource in edited:
            reasons.add(ReviewReason.EDITED)
        yield WorklistItem(
            finding=row.finding,
            document=row.document,
            resource=row.resource or "",
            version_id=versions.get(row.resource or ""),
            report=row.source,
            patient=row.subject,
            kind=row.kind,
            slot=row.slot,
            part=row.part,
            lesion=row.lesion,
            value=row.value,
            code=next(iter(row.codings), None),
            body_site=body_sites.get(row.lesion) or body_sites.get(None),
            basis=row.basis,
            confidence=row.confidence,
            calibrated=row.calibrated,
            site=site,
            model=head.outcome.model or row.model,
            prompt_set=row.prompt_set,
            reported=instant(row.reported or row.effective),
            asserted=row.asserted,
            review=row.review_status,
            reviewer=row.reviewer,
            reviewed_at=row.reviewed_at,
            added=review is not None and review.added is not None,
            reasons=tuple(reason for reason in ReviewReason if reason in reasons),
            priority=_priority(row, reasons),
        )


def opinions_of(head: Head) -> Iterator[tuple[str, int, Opinion]]:
    """Yield the reviewers' opinions: finding, position (0 the newest), opinion."""
    for finding, review in head.reviews.items():
        for position, opinion in enumerate(review.opinions):
            yield finding, position, opinion


def _reasons(
    head: Head, row: PhenotypeRow, review: Review | None, low_confidence: float
) -> set[ReviewReason]:
    if review is None or not review.decides:
        reasons = {ReviewReason.UNREVIEWED}
        if row.confidence is not None and row.confidence < low_confidence:
            reasons.add(ReviewReason.LOW_CONFIDENCE)
        if (review is not None and any(o.unsure for o in review.opinions)) or _is_open(head, row):
            reasons.add(ReviewReason.AMBIGUOUS)
        if row.status is RowStatus.OUTDATED:
            reasons.add(ReviewReason.OUTDATED)
        return reasons
    if review.status is ReviewStatus.DELETED:
        return set()
    reasons = set()
    is_later_text = review.text_hash not in {None, head.current_text_hash}
    if is_later_text or (review.is_in_force and head.outcome.status in _OUTDATED):
        reasons.add(ReviewReason.OUTDATED)
    if disagree(review.opinions):
        reasons.add(ReviewReason.CONFLICTING)
    return reasons


def disagree(opinions: Sequence[Opinion]) -> bool:
    """Whether reviewers have decided differently."""
    decided = {
        (o.status, o.value.value if o.value and o.status is ReviewStatus.CORRECTED else None)
        for o in opinions
        if o.status is not ReviewStatus.UNREVIEWED
    }
    return len(decided) > 1


def _is_open(head: Head, row: PhenotypeRow) -> bool:
    """Whether the report has another value of the phenotype that was rejected as ambiguous."""
    return any(
        one.kind is row.kind
        and one.slot == row.slot
        and one.part in {None, row.part}
        and one.reason in _OPEN_QUESTION
        for one in head.rejected or ()
    )


def _edited(head: Head) -> frozenset[str]:
    """The resources with an edit that is no verdict, by the server's reference."""
    decided = {r.resource for r in head.reviews.values() if r.decides}
    ours = {reference for r in head.reviews.values() for reference in r.versions_before}
    return frozenset(
        head.server_reference(reference)
        for reference in head.reviewed_content
        if reference not in decided | ours
    )


def _conflicting(rows: Sequence[PhenotypeRow]) -> frozenset[str]:
    """The findings in force of which one tumour has several values."""
    values: dict[tuple[Kind, str | None, str | None, str | None], dict[str, str]] = defaultdict(
        dict
    )
    for row in rows:
        if row.status is not RowStatus.WITHDRAWN:
            values[row.kind, row.slot, row.lesion, row.part][row.finding] = row.value
    several = (found for found in values.values() if len(set(found.values())) > 1)
    return frozenset(finding for found in several for finding in found)


def _body_sites(rows: Sequence[PhenotypeRow]) -> dict[str | None, str]:
    """The site of each tumour; None is the report's only one."""
    sites = {
        row.lesion: row.value
        for row in rows
        if row.kind is Kind.TUMOR_SITE and row.status is not RowStatus.WITHDRAWN
    }
    return sites | {None: next(iter(sites.values()))} if len(set(sites.values())) == 1 else sites


def _priority(row: PhenotypeRow, reasons: set[ReviewReason]) -> float:
    if not reasons:
        return 0.0
    weight = max(_WEIGHT[reason] for reason in reasons)
    confidence = _HALF if row.confidence is None else row.confidence
    uncertainty = 1 - abs(2 * confidence - 1)
    weight += _UNCERTAINTY * uncertainty
    return round(weight + (_OF_A_DIAGNOSIS if row.kind is Kind.DIAGNOSIS else 0.0), 4)
