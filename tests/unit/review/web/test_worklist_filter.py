from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from oncofhir.review.web.routes.worklist import filter_of
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.review import ReviewReason, ReviewSort

NOW = datetime(2026, 11, 27, tzinfo=UTC)
NAMES = ("reason", "review", "kind", "site", "body_site", "model", "age", "sort")


def of(**query):
    return filter_of(QueryParams(query), None, NOW)


def test_an_address_names_the_conditions():
    wanted = of(reason="low-confidence", kind="tumor-size", body_site="breast", sort="oldest")
    assert wanted.reasons == (ReviewReason.LOW_CONFIDENCE,)
    assert wanted.kinds == (Kind.TUMOR_SIZE,)
    assert wanted.body_site == "breast"
    assert wanted.sort is ReviewSort.OLDEST


def test_an_age_is_a_time_of_the_report():
    assert of(age="7").reported_since == NOW - timedelta(days=7)
    assert of(age="-365").reported_before == NOW - timedelta(days=365)
    assert of(age="-365").reported_since is None


def test_the_patient_of_a_launch_is_kept_whatever_the_address_says():
    query = QueryParams({"patient": "Patient/2"})
    assert filter_of(query, "Patient/1", NOW).patient == "Patient/1"


def test_verdicts_can_be_listed():
    assert of(review="refuted").review == (ReviewStatus.REFUTED,)


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=12)))
def test_any_address_gives_a_filter(query):
    assert of(**query).patient is None
