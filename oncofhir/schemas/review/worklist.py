"""The worklist: findings with a reason to be reviewed. It has no words of a report."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Basis, Coding, Kind
from oncofhir.schemas.outcome import ReviewStatus


class ReviewReason(StrEnum):
    """Why a finding is on the worklist. One may have several; the order is that of the priority."""

    OUTDATED = "outdated"
    """The report was amended or retracted after the review, or its newer version cannot be read."""
    CONFLICTING = "conflicting"
    """Two reviewers disagree, or the report has another value of the same phenotype and tumour."""
    AMBIGUOUS = "ambiguous"
    """A reviewer was not sure, or a value of the same phenotype was rejected as ambiguous or contradicted."""
    LOW_CONFIDENCE = "low-confidence"
    """Below the threshold of the settings."""
    EDITED = "edited"
    """The resource was changed elsewhere in a way that is no verdict."""
    UNREVIEWED = "unreviewed"
    """No human has reviewed it."""


class ReviewSort(StrEnum):
    """The order of a worklist."""

    GAIN = "gain"
    """What a reviewer gains most from first: by `WorklistItem.priority`."""
    NEWEST = "newest"
    OLDEST = "oldest"
    CONFIDENCE = "confidence"
    """The least confident first; findings without a confidence last."""


class WorklistFilter(Value):
    """Which findings a worklist holds; None and empty mean any.

    `review` are the states that are listed; empty: whatever has a reason to be reviewed. `site` is the
    source (ONCOFHIR_FHIR__SOURCE_NAME), `body_site` the organ of the tumour. Times are of the report:
    `reported_since` inclusive, `reported_before` exclusive. `report` and `patient` are references (the
    context of a SMART launch); `document` is one document.
    """

    reasons: tuple[ReviewReason, ...] = ()
    review: tuple[ReviewStatus, ...] = ()
    kinds: tuple[Kind, ...] = ()
    site: str | None = None
    body_site: str | None = None
    model: str | None = None
    reported_since: datetime | None = None
    reported_before: datetime | None = None
    reviewer: str | None = None
    document: str | None = None
    report: str | None = None
    patient: str | None = None
    sort: ReviewSort = ReviewSort.GAIN


class PageRequest(Value):
    """A page of a worklist: `offset` items are left out, at most `limit` follow."""

    offset: int = Field(0, ge=0)
    limit: int = Field(50, ge=1, le=500)


class WorklistItem(Value):
    """One finding on the worklist. It has no words of the report.

    `finding` and `document` are UUIDs. `resource` (Observation/1) holds the finding in its version
    `version_id`, which a verdict must name. `confidence` is between 0 and 1, None if unknown. `priority` is
    between 0 and 1, the highest first. `added` by a reviewer: the model missed it, and `model` is the one
    that read the document.
    """

    finding: str
    document: str
    resource: str
    version_id: str | None
    report: str
    patient: str
    kind: Kind
    slot: str | None = None
    part: str | None = None
    lesion: str | None = None
    value: str
    code: Coding | None = None
    body_site: str | None = None
    basis: Basis = Basis.STATED
    confidence: float | None = None
    calibrated: bool = False
    site: str
    model: str
    prompt_set: str
    reported: datetime | None = None
    asserted: datetime
    review: ReviewStatus = ReviewStatus.UNREVIEWED
    reviewer: str | None = None
    reviewed_at: datetime | None = None
    added: bool = False
    reasons: tuple[ReviewReason, ...] = ()
    priority: float = 0.0


class WorklistFacets(Value):
    """How many findings of the filter have each value: for the filter's choices."""

    reasons: dict[str, int] = {}
    kinds: dict[str, int] = {}
    sites: dict[str, int] = {}
    body_sites: dict[str, int] = {}
    models: dict[str, int] = {}


class WorklistPage(Value):
    """A page of a worklist. `total` counts the findings of the filter, `documents` their reports.

    `as_of` is when the index last followed the store, None if it never has.
    """

    items: tuple[WorklistItem, ...]
    total: int
    documents: int
    offset: int
    facets: WorklistFacets = WorklistFacets()
    as_of: datetime | None = None
