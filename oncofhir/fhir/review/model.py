"""What the head keeps of a document's review, and of what the model rejected."""

from datetime import datetime

from oncofhir.schemas.base import StoredValue
from oncofhir.schemas.finding import Kind, RejectedFinding, Rejection
from oncofhir.schemas.lesion import Behaviour, Lesion
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus
from oncofhir.schemas.review import Opinion, ReviewedValue

MAX_OPINIONS = 5
MAX_REJECTED = 200


class Review(StoredValue):
    """A human's word on one finding.

    - `value`: the value that a human confirmed or chose; None for other states.
    - `resource`: the reference of the resource that holds it.
    - `versions_before`: of each resource that the verdict changed, the version before (meta.versionId).
    - `text_hash`: hash of the report's text that was reviewed: a later text makes the review outdated.
    - `added`: the row of a finding that the reviewer added.
    - `opinions`: the last word of each reviewer, the newest first.
    - `before`: the review that this one replaced, without its own `before`.
    - `here`: whether the verdict was given here, and not with another FHIR client.
    """

    status: ReviewStatus
    reviewer: str | None = None
    at: datetime
    value: ReviewedValue | None = None
    resource: str
    versions_before: dict[str, str] = {}
    text_hash: str | None = None
    added: PhenotypeRow | None = None
    opinions: tuple[Opinion, ...] = ()
    before: "Review | None" = None
    here: bool = False

    @property
    def decides(self) -> bool:
        """Whether a human has decided. NotSure and an edit that is no verdict decide nothing."""
        return self.status is not ReviewStatus.UNREVIEWED

    @property
    def is_in_force(self) -> bool:
        """Whether the finding is in force according to the human."""
        return self.status in {ReviewStatus.CONFIRMED, ReviewStatus.CORRECTED}

    def with_opinion(self, opinion: Opinion) -> "Review":
        """Return the review with one more opinion, in place of the same reviewer's earlier one."""
        others = [o for o in self.opinions if o.reviewer != opinion.reviewer]
        return self.model_copy(update={"opinions": (opinion, *others)[:MAX_OPINIONS]})


class StoredRejection(StoredValue):
    """A rejected value without the report's words: `spans` are offsets of the report's text."""

    kind: Kind
    slot: str | None = None
    value: str
    reason: Rejection
    confidence: float | None = None
    part: str | None = None
    spans: tuple[tuple[int, int], ...] = ()


class StoredLesion(StoredValue):
    """A tumour of the report. `id` is `PhenotypeRow.lesion`."""

    id: str
    behaviour: Behaviour
    organ: str | None = None
    laterality: str | None = None
    histology: str | None = None
    part: str | None = None
    historical: bool = False
    spans: tuple[tuple[int, int], ...] = ()


def stored_rejections(rejected: tuple[RejectedFinding, ...]) -> tuple[StoredRejection, ...]:
    """Keep what a reviewer needs of rejected values: at most `MAX_REJECTED`, in their order."""
    return tuple(
        StoredRejection(
            kind=one.kind,
            slot=one.slot,
            value=one.value,
            reason=one.reason,
            confidence=one.confidence,
            part=one.part,
            spans=tuple((quote.start, quote.end) for quote in one.evidence),
        )
        for one in rejected[:MAX_REJECTED]
    )


def stored_lesion(lesion: Lesion, id: str) -> StoredLesion:  # noqa: A002
    """Keep what a reviewer needs of a tumour, under its identity in the rows."""
    return StoredLesion(
        id=id,
        behaviour=lesion.behaviour,
        organ=lesion.organ,
        laterality=lesion.laterality,
        histology=lesion.histology,
        part=lesion.part,
        historical=lesion.temporality.value != "current",
        spans=lesion.spans,
    )
