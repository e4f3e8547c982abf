"""The position in the headers of records, and the queries of a Subscription."""

from datetime import UTC, datetime

import pytest

from oncofhir.ingest.subscriptions.source import _queries
from oncofhir.ingest.subscriptions.state import SubscriptionState
from oncofhir.schemas.event import Operation, ReportEvent, SourceReference

FILTER = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria"
)


def state():
    return SubscriptionState("n", "Subscription/n")


def event(version, updated):
    source = SourceReference(type="DiagnosticReport", id="r", version=version)
    resource = {"resourceType": "DiagnosticReport", "id": "r", "meta": {"lastUpdated": updated}}
    return ReportEvent(operation=Operation.UPSERT, source=source, resource=resource)


def headers_of(one):
    return {name: value.decode() for name, value in one.headers()}


def test_a_position_survives_a_restart():
    before = state()
    before.numbers.announce(41)
    before.note_published(
        [event("1", "2026-11-27T09:00:00.5Z"), event("2", "2026-11-26T09:00:00Z")]
    )
    assert "oncofhir-last-updated" not in headers_of(before), "an earlier report may be missing"
    before.reach(before.latest)
    after = state()
    after.restore(headers_of(before), 1)
    assert after.numbers.contiguous == 41
    assert after.updated == datetime(2026, 11, 27, 9, 0, 0, 500_000, tzinfo=UTC)
    assert before.is_published(event("1", ""))
    assert not after.is_published(event("1", ""))


def test_the_latest_record_counts_and_not_the_highest_number():
    after = state()
    for number, timestamp in (("900", 10), ("3", 30), ("890", 20)):
        after.restore({"oncofhir-event-number": number}, timestamp)
    assert after.numbers.contiguous == 3


@pytest.mark.parametrize("text", ["", "-1", "x", "٣", "1e3"])
def test_headers_of_others_are_no_position(text):
    after = state()
    after.restore({"oncofhir-event-number": text, "oncofhir-last-updated": text}, 1)
    assert (after.numbers.contiguous, after.updated) == (None, None)


ALL = [("DiagnosticReport", {}), ("DocumentReference", {})]


@pytest.mark.parametrize(
    ("subscription", "queries"),
    [
        ({"criteria": "DiagnosticReport?"}, [("DiagnosticReport", {})]),
        ({"criteria": "DiagnosticReport"}, [("DiagnosticReport", {})]),
        (
            {"criteria": "DiagnosticReport?category=a&category=b&status=final"},
            [("DiagnosticReport", {"category": ["a", "b"], "status": ["final"]})],
        ),
        (
            {
                "criteria": "http://topic",
                "_criteria": {
                    "extension": [{"url": FILTER, "valueString": "DocumentReference?type=x"}]
                },
            },
            [("DocumentReference", {"type": ["x"]})],
        ),
        ({"criteria": "http://topic"}, ALL),
        ({}, ALL),
    ],
)
def test_the_queries_of_a_subscription(subscription, queries):
    assert _queries(subscription) == queries
