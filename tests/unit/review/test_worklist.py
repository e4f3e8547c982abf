"""The index: what is listed, in which order, and that it holds no words of a report."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from oncofhir.fhir.review.model import StoredRejection
from oncofhir.review.agreement.counts import agreement_of
from oncofhir.review.worklist.index import FindingIndex
from oncofhir.review.worklist.items import items_of
from oncofhir.schemas.finding import Kind, Rejection
from oncofhir.schemas.outcome import OutcomeStatus, ReviewStatus
from oncofhir.schemas.review import (
    Opinion,
    PageRequest,
    ReviewReason,
    ReviewSort,
    WorklistFilter,
)
from oncofhir.settings import SettingsError
from tests.unit.review.heads import AT, TEXT, head_with, review_of

ALL = WorklistFilter(review=tuple(ReviewStatus))


def items(head, low_confidence=0.5):
    found = items_of(head, {}, site="ehr", low_confidence=low_confidence)
    return {item.kind: item for item in found}


@pytest.fixture
def index(tmp_path):
    with FindingIndex(tmp_path / "index.sqlite", "store") as opened:
        yield opened


def put(index, head):
    index.put_document(head, items_of(head, {}, site="ehr", low_confidence=0.5))


def test_reasons_follow_from_the_head():
    rejected = StoredRejection(kind=Kind.CANCER_GRADE, value="3", reason=Rejection.AMBIGUOUS)
    head = head_with(
        {
            Kind.TUMOR_SIZE: review_of(ReviewStatus.CONFIRMED, "23 mm", text_hash="earlier"),
            Kind.TUMOR_SITE: review_of(ReviewStatus.CONFIRMED, "breast"),
        }
    ).model_copy(update={"rejected": (rejected,)})
    found = items(head, low_confidence=0.95)
    assert found[Kind.TUMOR_SIZE].reasons == (ReviewReason.OUTDATED,)
    assert found[Kind.TUMOR_SITE].reasons == ()
    assert set(found[Kind.CANCER_GRADE].reasons) == {
        ReviewReason.AMBIGUOUS,
        ReviewReason.LOW_CONFIDENCE,
        ReviewReason.UNREVIEWED,
    }
    order = sorted(found.values(), key=lambda item: -item.priority)
    assert [item.kind for item in order][:2] == [Kind.TUMOR_SIZE, Kind.CANCER_GRADE]


def test_a_retracted_report_lists_what_a_human_confirmed():
    head = head_with({Kind.DIAGNOSIS: review_of(ReviewStatus.CONFIRMED, "breast cancer")})
    outcome = head.outcome.model_copy(update={"status": OutcomeStatus.RETRACTED})
    found = items(head.model_copy(update={"outcome": outcome}))
    assert found[Kind.DIAGNOSIS].reasons == (ReviewReason.OUTDATED,)


def test_filters_facets_and_pages(index):
    put(index, head_with({Kind.DIAGNOSIS: review_of(ReviewStatus.REFUTED)}))
    page = index.worklist(WorklistFilter(), PageRequest(limit=2))
    assert (page.total, page.documents, len(page.items)) == (4, 1, 2)
    assert page.facets.reasons == {"unreviewed": 4}
    assert page.facets.kinds["tumor-size"] == 1
    rest = index.worklist(WorklistFilter(), PageRequest(offset=2, limit=2))
    assert {i.finding for i in rest.items}.isdisjoint(i.finding for i in page.items)
    only = index.worklist(WorklistFilter(kinds=(Kind.TUMOR_SIZE,)), PageRequest())
    assert [item.value for item in only.items] == ["23 mm"]
    refuted = index.worklist(WorklistFilter(review=(ReviewStatus.REFUTED,)), PageRequest())
    assert [item.kind for item in refuted.items] == [Kind.DIAGNOSIS]
    patient = page.items[0].patient
    assert index.worklist(WorklistFilter(patient=patient), PageRequest()).total == 4
    assert index.worklist(WorklistFilter(patient="Patient/x"), PageRequest()).total == 0
    assert index.worklist(WorklistFilter(reported_since=AT), PageRequest()).total == 0
    before = WorklistFilter(reported_before=AT + timedelta(days=1))
    assert index.worklist(before, PageRequest()).total == 4
    for sort in ReviewSort:
        assert index.worklist(WorklistFilter(sort=sort), PageRequest()).total == 4


def test_counts_follow_each_change_also_of_another_process(index, tmp_path):
    put(index, head_with({}))
    assert index.worklist(WorklistFilter(), PageRequest()).total == 5
    refuted = head_with({Kind.DIAGNOSIS: review_of(ReviewStatus.REFUTED)})
    put(index, refuted.model_copy(update={"revision": 2}))
    assert index.worklist(WorklistFilter(), PageRequest()).facets.reasons == {"unreviewed": 4}
    with FindingIndex(tmp_path / "index.sqlite", "store") as another:
        another.forget(refuted.document)
    assert index.worklist(WorklistFilter(), PageRequest()).total == 0


def test_a_value_of_a_filter_is_never_sql(index):
    put(index, head_with({}))
    hostile = "x' OR '1'='1"
    for name in ("site", "body_site", "model", "reviewer", "document", "report", "patient"):
        assert index.worklist(WorklistFilter(**{name: hostile}), PageRequest()).total == 0


def test_an_older_revision_does_not_replace_a_newer_one(index):
    head = head_with({Kind.DIAGNOSIS: review_of(ReviewStatus.REFUTED)})
    put(index, head.model_copy(update={"revision": 3}))
    put(index, head_with({}))
    assert index.worklist(WorklistFilter(), PageRequest()).total == 4


def test_the_file_has_no_words_of_the_report_and_only_its_owner_reads_it(index, tmp_path):
    head = head_with({Kind.DIAGNOSIS: review_of(ReviewStatus.REFUTED)})
    opinion = Opinion(status=ReviewStatus.REFUTED, at=AT, comment="CANARY of a comment")
    reviews = {k: r.model_copy(update={"opinions": (opinion,)}) for k, r in head.reviews.items()}
    put(index, head.model_copy(update={"reviews": reviews}))
    index.close()
    for file in tmp_path.iterdir():
        held = file.read_bytes()
        assert b"CANARY" not in held
        assert TEXT.splitlines()[0].encode() not in held
        assert b"2.3 x 1.8 cm" not in held
    assert (tmp_path / "index.sqlite").stat().st_mode & 0o077 == 0


def test_an_index_of_another_store_or_version_is_emptied(tmp_path):
    file = tmp_path / "index.sqlite"
    with FindingIndex(file, "one") as opened:
        put(opened, head_with({}))
    with FindingIndex(file, "one") as opened:
        assert opened.worklist(ALL, PageRequest()).total == 5
    with FindingIndex(file, "another") as opened:
        assert opened.worklist(ALL, PageRequest()).total == 0


def test_a_forgotten_document_leaves_nothing(index):
    head = head_with({Kind.DIAGNOSIS: review_of(ReviewStatus.REFUTED)})
    put(index, head)
    index.intend_to_publish(head.document, 1)
    index.forget(head.document)
    assert index.worklist(ALL, PageRequest()).total == 0
    assert index.references() == index.tasks() == index.reviewed_documents() == []
    assert index.unpublished() == {}


def test_agreement_counts_by_last_word_and_pairs(index):
    two = ("Practitioner/1", "Practitioner/2")
    put(
        index,
        head_with(
            {
                Kind.DIAGNOSIS: review_of(ReviewStatus.REFUTED),
                Kind.TUMOR_SIZE: review_of(ReviewStatus.CONFIRMED, "23 mm", reviewers=two),
            }
        ),
    )
    found = {one.kind: one for one in agreement_of(index, None, None)}
    assert (found[Kind.DIAGNOSIS].refuted, found[Kind.DIAGNOSIS].precision) == (1, 0)
    assert (found[Kind.TUMOR_SIZE].confirmed, found[Kind.TUMOR_SIZE].double_reviewed) == (1, 1)
    assert found[Kind.CANCER_GRADE].unreviewed == 1
    later = agreement_of(index, AT + timedelta(days=1), None)
    assert later == ()
    within = agreement_of(index, AT, AT + timedelta(seconds=1))
    assert {one.kind for one in within} == {Kind.DIAGNOSIS, Kind.TUMOR_SIZE}


def test_a_file_of_another_program_is_refused_and_left_as_it_is(tmp_path):
    text, database = tmp_path / "passwords", tmp_path / "other.sqlite"
    text.write_text("root:x:0:0:root:/root:/bin/bash\n" * 50)
    with closing(sqlite3.connect(database)) as other:
        other.execute("CREATE TABLE accounts (name TEXT)")
        other.execute("INSERT INTO accounts VALUES ('x')")
        other.commit()
    for file, problem in (
        (text, "file is not a database"),
        (database, "tables of another program"),
    ):
        before = file.read_bytes()
        with pytest.raises(SettingsError, match=f"ONCOFHIR_WORKLIST__INDEX_FILE: .*{problem}"):
            FindingIndex(file, "store")
        assert file.read_bytes() == before


@pytest.mark.parametrize("file", ["", "file/index.sqlite"])
def test_a_place_where_no_file_can_be_is_named(tmp_path, file):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="ONCOFHIR_WORKLIST__INDEX_FILE: /"):
        FindingIndex(tmp_path / file, "store")
