"""A head of a breast report with reviews, made by the code that makes heads, without a store."""

from datetime import UTC, datetime

from oncofhir.fhir.mapping.build import build
from oncofhir.fhir.review.model import Review
from oncofhir.fhir.store.document_diff import document_diff
from oncofhir.schemas.review import Opinion, ReviewedValue
from tests.findings import context_of, extraction_of, finding, report_of

TEXT = """FINAL DIAGNOSIS: Left breast, invasive ductal carcinoma, grade 2, 2.3 x 1.8 cm.
ER positive."""
AT = datetime(2026, 11, 27, 12, tzinfo=UTC)


def head_with(reviews):
    """The head of the report, with reviews by kind."""
    report = report_of(TEXT)
    extraction = extraction_of(
        finding(report, "diagnosis", "breast cancer", "carcinoma"),
        finding(report, "tumor-site", "breast", "breast"),
        finding(report, "tumor-size", "23 mm", "2.3 x 1.8 cm", dimensions=(23.0, 18.0)),
        finding(report, "cancer-grade", "2", "grade 2"),
        finding(report, "hormone-receptor", "positive", "ER positive", slot="ER"),
    )
    context = context_of(report)
    _, head = document_diff(context, build(context, extraction, 1), extraction, None, {})
    by_kind = {row.kind: row for row in head.rows}
    found = {
        by_kind[kind].finding: review.model_copy(update={"resource": by_kind[kind].resource})
        for kind, review in reviews.items()
    }
    return head.model_copy(update={"reviews": found, "id": "task-1", "version_id": "1"})


def review_of(status, value=None, *, reviewers=("Practitioner/1",), **more):
    """A review with an opinion of each reviewer."""
    chosen = ReviewedValue(value=value) if value is not None else None
    opinions = tuple(Opinion(status=status, reviewer=r, at=AT, value=chosen) for r in reviewers)
    return Review(
        status=status,
        reviewer=reviewers[0],
        at=AT,
        value=chosen,
        resource="",
        opinions=opinions,
        **more,
    )
