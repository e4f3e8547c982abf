"""A report as a reviewer sees it: text, tumours, findings, rejected values and history."""

from datetime import datetime
from enum import StrEnum

from oncofhir.schemas.base import Value
from oncofhir.schemas.finding import Evidence, Kind, Rejection
from oncofhir.schemas.lesion import Behaviour
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.report import Part, ReportWarning, Section
from oncofhir.schemas.review.opinion import Opinion, ReviewedValue
from oncofhir.schemas.review.worklist import WorklistItem


class ReviewedFinding(Value):
    """A finding of a report with its evidence and what became of it.

    `machine` is what the model found, None if a reviewer added the finding. `current` is the value in force:
    the human's, else the machine's. `evidence` are spans of `ReportView.text`; a finding whose words an
    amended report no longer has keeps none. `opinions` are the reviewers' last words, the newest first.
    `assumes_ajcc`: a stage has AJCC's codes by the site's setting alone; the report names no staging system.
    `editable` is False for a resource that is gone or that the store cannot change.
    """

    item: WorklistItem
    machine: ReviewedValue | None
    current: ReviewedValue
    evidence: tuple[Evidence, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    resource_status: str | None = None
    assumes_ajcc: bool = False
    editable: bool = True


class RejectedValue(Value):
    """A value that is no finding, and why. An ungrounded one has no evidence."""

    kind: Kind
    slot: str | None = None
    value: str
    reason: Rejection
    confidence: float | None = None
    part: str | None = None
    evidence: tuple[Evidence, ...] = ()


class LesionView(Value):
    """A tumour of the report. `id` is `PhenotypeRow.lesion`; `spans` are code-point offsets of the text."""

    id: str
    label: str
    behaviour: Behaviour | None = None
    organ: str | None = None
    laterality: str | None = None
    historical: bool = False
    spans: tuple[tuple[int, int], ...] = ()


class ReportChange(StrEnum):
    """What happened to a document."""

    READ = "read"
    AMENDED = "amended"
    RETRACTED = "retracted"
    UNREADABLE = "unreadable"
    REVIEWED = "reviewed"


class HistoryEntry(Value):
    """One event in a document's history, newest first. `actor` is a model, or a reviewer as in `Opinion`.

    `finding`, `status` and `unsure` tell a review; `value` is the value that the human chose.
    """

    at: datetime | None
    change: ReportChange
    actor: str | None = None
    display: str | None = None
    finding: str | None = None
    status: ReviewStatus | None = None
    unsure: bool = False
    value: str | None = None


class ReportState(StrEnum):
    """Whether the text of a report can be shown."""

    SHOWN = "shown"
    NOT_FOUND = "not-found"
    """The source has no such report any more: the findings are shown without it."""
    UNREADABLE = "unreadable"
    """Its text cannot be read."""
    TOO_LONG = "too-long"


class PatientView(Value):
    """Who the patient is, as the source says: name, date of birth (YYYY-MM-DD or shorter), record number."""

    name: str | None = None
    born: str | None = None
    record_number: str | None = None


class ReportView(Value):
    """A report as a reviewer sees it. `text` is PHI, and may hold markup and bidi controls.

    `patient` is a reference, and `person` who that is, None if the source does not say. `rejected` is None if
    it is not known: the document was last read by a version before 0.2. `version` is
    the report's version that `text` shows, and `read_version` the one that the model read.
    """

    document: str
    report: str
    patient: str
    person: PatientView | None = None
    state: ReportState
    status: str | None = None
    title: str | None = None
    version: str | None = None
    read_version: str | None = None
    issued: datetime | None = None
    text: str = ""
    sections: tuple[Section, ...] = ()
    parts: tuple[Part, ...] = ()
    warnings: tuple[ReportWarning, ...] = ()
    lesions: tuple[LesionView, ...] = ()
    findings: tuple[ReviewedFinding, ...] = ()
    rejected: tuple[RejectedValue, ...] | None = ()
    history: tuple[HistoryEntry, ...] = ()
