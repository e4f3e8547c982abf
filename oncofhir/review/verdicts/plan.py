"""What a verdict on a finding writes: resources, Provenance and the next head. Pure."""

from datetime import datetime
from typing import Any

from oncofhir.fhir.mapping.r4_validation import validate
from oncofhir.fhir.mapping.run_context import software_device_id
from oncofhir.fhir.review.edits import machine_value
from oncofhir.fhir.review.elements import element_path, value_in
from oncofhir.fhir.review.model import Review
from oncofhir.fhir.review.provenance import verdict_provenance
from oncofhir.fhir.review.verdicts import clean, reviewed, with_copy
from oncofhir.fhir.source_references import SourceReferences
from oncofhir.fhir.store.entries import put_entry, version_id_of
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head
from oncofhir.review.documents import Stored
from oncofhir.review.publishing import with_revision
from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus
from oncofhir.schemas.review import Opinion, ReviewedValue, Reviewer

_COPIED = frozenset({Kind.CANCER_STAGE, Kind.CANCER_GRADE, Kind.HISTOLOGICAL_TYPE})


class Signature(Value):
    """Who writes: the reviewer, on behalf of an organisation, with this software."""

    reviewer: Reviewer
    at: datetime
    organization: str
    software: str
    sources: SourceReferences


class Decided(Value):
    """A verdict that passed its checks. `value` is what a human chose, None for the machine's."""

    status: ReviewStatus
    value: ReviewedValue | None = None
    comment: str | None = None


_STANDS = frozenset({ReviewStatus.CONFIRMED, ReviewStatus.CORRECTED})
Entries = list[dict[str, Any]]


def plan_verdict(
    head: Head, stored: Stored, row: PhenotypeRow, decided: Decided, by: Signature
) -> tuple[Entries, Head]:
    """Plan a verdict on the finding `row`, whose resource is in `stored`.

    A Condition that repeats a stage or a histology is changed together with its Observation. The entries are
    guarded by the versions that were read.

    Raises:
        RequestRejected: a resource would be no valid R4. This is an internal error.
    """
    reference = row.resource or ""
    resource = stored[reference]
    status = _status(head.reviews.get(row.finding), decided)
    value = decided.value
    if value is None and status in _STANDS and value_in(resource, row) is None:
        value = machine_value(row)  # an element that an earlier verdict removed
    after = reviewed(resource, row, status, value, by.reviewer, by.at, decided.comment)
    changed = {} if after == clean(resource) else {reference: after}
    changed |= _copies(head, stored, row, after, decided.status)
    entries = [put_entry(new, version_id_of(stored[ref])) for ref, new in changed.items()]
    versions = {
        ref: version
        for ref in {reference: None, **changed}
        if (version := version_id_of(stored[ref])) is not None
    }
    review = _next_review(head, row, decided, by, versions)
    new = with_verdict(head, row.finding, review, changed)
    targets = [(reference, element_path(resource, row.kind))]
    targets += [(ref, "") for ref in changed if ref != reference]
    entries.append(put_entry(provenance_of(new, row, decided.status, targets, versions, by)))
    for entry in entries:
        validate(entry["resource"])
    return entries, new


def with_verdict(
    head: Head, finding: str, review: Review, changed: dict[str, dict[str, Any]]
) -> Head:
    """Return the next head: with the review, and the content of the resources that were changed."""
    content = head.reviewed_content | {ref: fingerprint(new) for ref, new in changed.items()}
    update = {"reviews": head.reviews | {finding: review}, "reviewed_content": content}
    return with_revision(head, head.model_copy(update=update))


def provenance_of(
    new: Head,
    row: PhenotypeRow,
    status: ReviewStatus,
    targets: list[tuple[str, str]],
    versions: dict[str, str],
    by: Signature,
    *,
    added: bool = False,
) -> dict[str, Any]:
    """Build the Provenance of a verdict that leads to the head `new`."""
    return verdict_provenance(
        f"{row.finding}|{new.revision}|{by.reviewer.key}",
        status,
        targets,
        {new.server_reference(reference): version for reference, version in versions.items()},
        by.reviewer,
        by.sources.reference_element(new.source.unversioned),
        software_device=f"Device/{software_device_id(by.software)}",
        organization=by.organization,
        recorded=by.at,
        added=added,
    )


def _copies(
    head: Head, stored: Stored, row: PhenotypeRow, after: dict[str, Any], status: ReviewStatus
) -> dict[str, dict[str, Any]]:
    """The Conditions that repeat the value of a reviewed Observation, as they will be."""
    if row.kind not in _COPIED or status is ReviewStatus.CONFIRMED:
        return {}
    copies: dict[str, dict[str, Any]] = {}
    for reference, resource in stored.items():
        if resource["resourceType"] == "Condition" and _same_lesion(head, row, reference):
            copy = with_copy(resource, after, status)
            if copy is not None:
                copies[reference] = copy
    return copies


def _same_lesion(head: Head, row: PhenotypeRow, condition: str) -> bool:
    others = [r for r in head.rows if r.kind is Kind.DIAGNOSIS and r.resource == condition]
    return any(other.lesion == row.lesion or row.lesion is None for other in others)


def _next_review(
    head: Head, row: PhenotypeRow, decided: Decided, by: Signature, versions: dict[str, str]
) -> Review:
    before = head.reviews.get(row.finding)
    opinion = Opinion(
        status=decided.status,
        reviewer=by.reviewer.key,
        display=by.reviewer.display,
        at=by.at,
        value=decided.value,
        comment=decided.comment,
    )
    review = Review(
        status=_status(before, decided),
        reviewer=by.reviewer.key,
        at=by.at,
        value=(decided.value or machine_value(row)) if decided.status in _STANDS else None,
        resource=row.resource or "",
        versions_before=versions,
        text_hash=head.current_text_hash,
        added=before.added if before else None,
        opinions=before.opinions if before else (),
        before=before.model_copy(update={"before": None}) if before else None,
        here=True,
    )
    return review.with_opinion(opinion)


def _status(before: Review | None, decided: Decided) -> ReviewStatus:
    """A corrected value that another reviewer confirms stays corrected: it is not the machine's."""
    was_corrected = before is not None and before.status is ReviewStatus.CORRECTED
    confirms = decided.status is ReviewStatus.CONFIRMED
    return ReviewStatus.CORRECTED if confirms and was_corrected else decided.status
