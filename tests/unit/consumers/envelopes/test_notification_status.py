"""What a notification says of its Subscription: R4 backport and R5."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oncofhir.consumers.envelopes.subscription_notifications import Status, status_of
from oncofhir.schemas.errors import UnreadableReport

SUBSCRIPTION = {"reference": "https://ehr.example/fhir/Subscription/s1"}


def r5(*events, **more):
    status = {
        "resourceType": "SubscriptionStatus",
        "type": "event-notification",
        "subscription": SUBSCRIPTION,
    }
    return bundle(status | {"notificationEvent": list(events)} | more)


def backport(*parameters):
    known = [
        {"name": "subscription", "valueReference": SUBSCRIPTION},
        {"name": "type", "valueCode": "event-notification"},
    ]
    return bundle({"resourceType": "Parameters", "parameter": [*known, *parameters]})


def bundle(status):
    return {"resourceType": "Bundle", "type": "history", "entry": [{"resource": status}]}


def event(number, focus):
    parts = [
        {"name": "event-number", "valueString": number},
        {"name": "focus", "valueReference": {"reference": focus}},
    ]
    return {"name": "notification-event", "part": parts}


EXPECTED = Status(
    "event-notification",
    ("DiagnosticReport/1", "DiagnosticReport/2"),
    SUBSCRIPTION["reference"],
    (310, 311),
    311,
)


def test_both_forms_say_the_same():
    focus = [{"reference": f"DiagnosticReport/{n}"} for n in (1, 2)]
    events = [{"eventNumber": str(309 + n), "focus": focus[n - 1]} for n in (1, 2)]
    assert status_of(r5(*events, eventsSinceSubscriptionStart="311")) == EXPECTED
    since = {"name": "events-since-subscription-start", "valueString": "311"}
    parameters = [since, event("310", "DiagnosticReport/1"), event("311", "DiagnosticReport/2")]
    assert status_of(backport(*parameters)) == EXPECTED


@pytest.mark.parametrize("value", ["", "-1", "1.5", "9" * 30, "٣", "one", None, True, [], 10**30])
def test_a_number_that_is_none_is_left_out(value):
    status = status_of(r5({"eventNumber": value}, eventsSinceSubscriptionStart=value))
    assert (status.event_numbers, status.events_since_start) == ((), None)


@pytest.mark.parametrize(
    "content", [None, [], "x", {"resourceType": "Bundle"}, {"resourceType": "Patient"}]
)
def test_other_content_is_no_notification(content):
    assert status_of(content) is None


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["resourceType", "entry", "resource", "parameter", "name", "part", "notificationEvent", "subscription",
         "valueString", "valueReference", "reference", "meta", "profile", "eventNumber", "focus", "type"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@example({"parameter": {"name": []}})
@example({"parameter": [{"name": {}}, {"name": "type"}]})
@given(json)
def test_any_json_has_a_status_or_is_invalid(content):
    for first in ({"resourceType": "SubscriptionStatus"}, {"resourceType": "Parameters"}, {}):
        status = {**first, **content} if isinstance(content, dict) else first
        with contextlib.suppress(UnreadableReport):
            assert status_of(bundle(status)) is None or first
