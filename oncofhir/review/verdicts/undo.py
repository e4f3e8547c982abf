"""Takes a verdict back: the resource returns to its content before it, the rows to the review before it."""

from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.mapping.r4_validation import validate
from oncofhir.fhir.review.elements import element_path
from oncofhir.fhir.review.model import Review
from oncofhir.fhir.review.verdicts import clean, restored, reviewed
from oncofhir.fhir.store.entries import put_entry, version_id_of
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head
from oncofhir.review.documents import Stored
from oncofhir.review.publishing import with_revision
from oncofhir.review.verdicts.plan import Entries, Signature, provenance_of
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus


def plan_undo(
    head: Head,
    stored: Stored,
    row: PhenotypeRow,
    earlier: Mapping[str, dict[str, Any]],
    by: Signature,
) -> tuple[Entries, Head]:
    """Plan to take back the last verdict on the finding `row`.

    `earlier` are the resources in the versions before the verdict, by reference; those that it did not change
    are left out. A finding that the reviewer added is marked entered-in-error.

    Raises:
        RequestRejected: a resource would be no valid R4. This is an internal error.
    """
    review = head.reviews[row.finding]
    if review.added is not None and review.before is None:
        return _withdraw_added(head, stored, row, review, by)
    changed = {
        reference: restored(stored[reference], resource, row.kind)
        for reference, resource in earlier.items()
        if reference in stored
    }
    changed = {ref: new for ref, new in changed.items() if new != clean(stored[ref])}
    versions = {
        ref: version for ref in changed if (version := version_id_of(stored[ref])) is not None
    }
    new = _without_verdict(head, row, review, changed)
    reference = row.resource or ""
    targets = [(reference, element_path(stored[reference], row.kind))]
    targets += [(ref, "") for ref in changed if ref != reference]
    entries = [put_entry(new, version_id_of(stored[ref])) for ref, new in changed.items()]
    status = ReviewStatus.UNREVIEWED
    entries.append(put_entry(provenance_of(new, row, status, targets, versions, by)))
    for entry in entries:
        validate(entry["resource"])
    return entries, new


def _without_verdict(
    head: Head, row: PhenotypeRow, review: Review, changed: Mapping[str, dict[str, Any]]
) -> Head:
    """The head with the review before. Content that is the machine's again is tracked as such."""
    own = {resource.reference: resource.fingerprint for resource in head.resources.values()}
    content = dict(head.reviewed_content)
    for reference, resource in changed.items():
        mark = fingerprint(resource)
        content.pop(reference, None)
        if mark != own.get(reference):
            content[reference] = mark
    reviews = {finding: r for finding, r in head.reviews.items() if finding != row.finding}
    if review.before is not None:
        reviews[row.finding] = review.before
    update = {"reviews": reviews, "reviewed_content": content}
    return with_revision(head, head.model_copy(update=update))


def _withdraw_added(
    head: Head, stored: Stored, row: PhenotypeRow, review: Review, by: Signature
) -> tuple[Entries, Head]:
    reference = row.resource or ""
    status = ReviewStatus.ENTERED_IN_ERROR
    resource = reviewed(stored[reference], row, status, None, by.reviewer, by.at)
    update = {"status": status, "value": None, "at": by.at, "reviewer": by.reviewer.key}
    withdrawn = review.model_copy(update=update)
    content = head.reviewed_content | {reference: fingerprint(resource)}
    after = head.model_copy(
        update={
            "reviews": head.reviews | {row.finding: withdrawn},
            "reviewed_content": content,
        }
    )
    new = with_revision(head, after)
    version = version_id_of(stored[reference])
    versions = {reference: version} if version is not None else {}
    targets = [(reference, element_path(stored[reference], row.kind))]
    provenance = provenance_of(new, row, status, targets, versions, by)
    entries = [put_entry(resource, version), put_entry(provenance)]
    for entry in entries:
        validate(entry["resource"])
    return entries, new
