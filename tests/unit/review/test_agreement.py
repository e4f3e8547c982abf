"""Agreement: Cohen's kappa as scikit-learn computes it, and reviews as examples that evaluate reads."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.evaluation.cases import read_cases
from oncofhir.evaluation.dataset import Item, Phenotype, read_dataset
from oncofhir.review.agreement.counts import cohens_kappa
from oncofhir.review.agreement.export import ExampleFormat, example_of
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import ReviewStatus
from tests.unit.review.heads import TEXT, head_with, review_of

VERDICTS = st.sampled_from(["confirmed", "corrected", "refuted"])


@given(st.lists(st.tuples(VERDICTS, VERDICTS), min_size=2, max_size=40))
def test_kappa_is_scikit_learns(pairs):
    from sklearn.metrics import cohen_kappa_score  # 1.5 s, in each process that only collects

    first, second = zip(*pairs, strict=True)
    ours = cohens_kappa(pairs)
    if ours is None:
        assert len(set(first) | set(second)) == 1
    else:
        assert ours == pytest.approx(cohen_kappa_score(first, second))


def test_kappa_needs_two_findings():
    assert cohens_kappa([]) is None
    assert cohens_kappa([("confirmed", "refuted")]) is None


def exported(tmp_path, head, chosen):
    example = example_of(head, TEXT, chosen)
    file = tmp_path / "examples.jsonl"
    file.write_text(json.dumps(example.line) + "\n")
    return file, example


def test_labels_are_what_reviewers_decided_and_nothing_else(tmp_path):
    head = head_with(
        {
            Kind.TUMOR_SIZE: review_of(ReviewStatus.CORRECTED, "30 mm"),
            Kind.CANCER_GRADE: review_of(ReviewStatus.REFUTED),
            Kind.DIAGNOSIS: review_of(ReviewStatus.CONFIRMED, "breast cancer"),
        }
    )
    file, example = exported(tmp_path, head, ExampleFormat.LABELS)
    (report,) = read_dataset(file).reports
    assert report.gold() == {
        Item(phenotype=Phenotype.SIZE): "30 mm",
        Item(phenotype=Phenotype.GRADE): None,
        Item(phenotype=Phenotype.DIAGNOSIS): "breast cancer",
    }
    assert example.left_out == 0


def test_cases_expect_the_human_value_and_forbid_the_machines(tmp_path):
    head = head_with({Kind.TUMOR_SIZE: review_of(ReviewStatus.CORRECTED, "30 mm")})
    file, _ = exported(tmp_path, head, ExampleFormat.CASES)
    (case,) = read_cases(file).cases
    assert [fact.pattern for fact in case.expected] == ["^30\\ mm$"]
    assert [fact.pattern for fact in case.forbidden] == ["^23\\ mm$"]


def test_a_document_without_a_decision_is_no_example():
    assert example_of(head_with({}), TEXT, ExampleFormat.LABELS) is None
