"""Cards of a report: what is quoted."""

from oncofhir.review.web.report_page import card_of
from oncofhir.review.worklist.items import items_of
from oncofhir.schemas.finding import Evidence
from oncofhir.schemas.review import ReviewedFinding, ReviewedValue
from tests.unit.review.heads import TEXT, head_with


def quoted(*spans):
    item = next(iter(items_of(head_with({}), {}, site="ehr", low_confidence=0.5)))
    evidence = tuple(
        Evidence(start=start, end=end, text=TEXT[start:end], path="text", attachment_start=start)
        for start, end in spans
    )
    value = ReviewedValue(value="breast cancer")
    finding = ReviewedFinding(item=item, machine=value, current=value, evidence=evidence)
    return [(one.start, one.end) for one in card_of(finding, 1).quotes]


def test_a_passage_within_another_one_is_not_quoted_again():
    assert quoted((0, 20), (0, 12), (5, 20), (30, 40)) == [(0, 20), (30, 40)]


def test_passages_that_only_overlap_are_both_quoted():
    assert quoted((0, 20), (10, 30)) == [(0, 20), (10, 30)]
