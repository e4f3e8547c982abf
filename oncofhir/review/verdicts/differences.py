"""What changed of a finding since a reviewer saw it. Pure."""

from typing import Any

from oncofhir.fhir.review.edits import resource_status, status_of_review
from oncofhir.fhir.review.elements import element_path, value_in
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus
from oncofhir.schemas.review import Difference

_LOCATED = frozenset({Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY})
_WRONG = frozenset({ReviewStatus.REFUTED, ReviewStatus.ENTERED_IN_ERROR})


def differences_of(
    seen: dict[str, Any] | None, now: dict[str, Any], row: PhenotypeRow
) -> tuple[Difference, ...]:
    """Compare two versions of a resource, as far as the finding `row` is concerned: value and status.

    The status of a Condition concerns its site and side only if it says that the whole is wrong.
    """
    pairs = [(element_path(now, row.kind), _value(seen, row), _value(now, row))]
    if row.kind not in _LOCATED or status_of_review(now) in _WRONG:
        kind = now["resourceType"]
        name = "verificationStatus" if kind == "Condition" else "status"
        was = resource_status(seen) if seen is not None else None
        pairs.append((f"{kind}.{name}", was, resource_status(now)))
    return tuple(
        Difference(element=element, seen=was, now=is_now)
        for element, was, is_now in pairs
        if was != is_now
    )


def _value(resource: dict[str, Any] | None, row: PhenotypeRow) -> str | None:
    read = value_in(resource, row) if resource is not None else None
    return read.value if read is not None else None
