"""A human's review of findings: the worklist, a report as a reviewer sees it, and verdicts.

`review.store.ReviewStore` returns and accepts these values. Resource ids are kept out of addresses: a page
names a finding and a document by their UUIDs (`schemas.identity`).
"""

from oncofhir.schemas.review.agreement import Agreement, CodeChoice
from oncofhir.schemas.review.opinion import Opinion, ReviewedValue
from oncofhir.schemas.review.report_view import (
    HistoryEntry,
    LesionView,
    PatientView,
    RejectedValue,
    ReportChange,
    ReportState,
    ReportView,
    ReviewedFinding,
)
from oncofhir.schemas.review.verdict import (
    AddMissed,
    Confirm,
    Correct,
    Difference,
    NotSure,
    OutcomeKind,
    Refute,
    Reviewer,
    Undo,
    Verdict,
    VerdictOutcome,
)
from oncofhir.schemas.review.worklist import (
    PageRequest,
    ReviewReason,
    ReviewSort,
    WorklistFacets,
    WorklistFilter,
    WorklistItem,
    WorklistPage,
)

__all__ = [
    "AddMissed",
    "Agreement",
    "CodeChoice",
    "Confirm",
    "Correct",
    "Difference",
    "HistoryEntry",
    "LesionView",
    "NotSure",
    "Opinion",
    "OutcomeKind",
    "PageRequest",
    "PatientView",
    "Refute",
    "RejectedValue",
    "ReportChange",
    "ReportState",
    "ReportView",
    "ReviewReason",
    "ReviewSort",
    "ReviewedFinding",
    "ReviewedValue",
    "Reviewer",
    "Undo",
    "Verdict",
    "VerdictOutcome",
    "WorklistFacets",
    "WorklistFilter",
    "WorklistItem",
    "WorklistPage",
]
