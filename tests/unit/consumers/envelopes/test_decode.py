"""Every envelope gives the same reports; what is broken gives its reason and nothing else."""

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.envelopes.decode import decode
from oncofhir.schemas.errors import OncofhirError, UnreadableReport
from oncofhir.schemas.event import Operation
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings
from tests.hl7v2_messages import obr, obx, oru

REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "dr1",
    "meta": {"versionId": "3"},
    "status": "final",
    "subject": {"reference": "Patient/p1"},
    "conclusion": "Invasive ductal carcinoma",
}
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female"}
REFERENCE = "DiagnosticReport/dr1"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"


def opened(content, headers=()):
    value = content if isinstance(content, bytes) else json.dumps(content).encode()
    return decode(value, headers, "topic")


def reason_of(content, headers=()):
    with pytest.raises(UnreadableReport) as caught:
        opened(content, headers)
    return caught.value.reason


def bundle(kind, *entries):
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def backport(type_, *focus, entries=()):
    parameters = [
        {"name": "subscription", "valueReference": {"reference": "Subscription/1"}},
        {"name": "type", "valueCode": type_},
    ]
    parameters += [
        {
            "name": "notification-event",
            "part": [{"name": "focus", "valueReference": {"reference": reference}}],
        }
        for reference in focus
    ]
    status = {
        "resourceType": "Parameters",
        "meta": {"profile": [BACKPORT]},
        "parameter": parameters,
    }
    return bundle("history", {"fullUrl": "urn:uuid:1", "resource": status}, *entries)


def r5(type_, *focus, entries=()):
    status = {
        "resourceType": "SubscriptionStatus",
        "type": type_,
        "notificationEvent": [{"eventNumber": "1", "focus": {"reference": r}} for r in focus],
    }
    return bundle("subscription-notification", {"resource": status}, *entries)


FULL_ENTRY = {"fullUrl": f"https://ehr.example.org/fhir/{REFERENCE}", "resource": REPORT}

FULL_RESOURCE = {
    "bare": REPORT,
    "byte-order mark": b"\xef\xbb\xbf" + json.dumps(REPORT).encode(),
    "collection": bundle("collection", {"resource": REPORT}, {"resource": PATIENT}),
    "batch": bundle(
        "batch", {"resource": REPORT, "request": {"method": "POST", "url": "DiagnosticReport"}}
    ),
    "transaction": bundle(
        "transaction", {"resource": REPORT, "request": {"method": "PUT", "url": REFERENCE}}
    ),
    "searchset": bundle("searchset", FULL_ENTRY),
    "history": bundle("history", FULL_ENTRY | {"request": {"method": "PUT", "url": REFERENCE}}),
    "message": bundle(
        "message",
        {
            "resource": {
                "resourceType": "MessageHeader",
                "eventUri": "https://fhir.redoxengine.com/EventDefinition/ResultCreated",
                "focus": [{"reference": REFERENCE}],
            }
        },
        {"resource": REPORT},
    ),
    "message of a notification": bundle(
        "message",
        {"resource": {"resourceType": "MessageHeader", "eventCoding": {"code": "notification"}}},
        {"resource": backport("event-notification", REFERENCE, entries=[FULL_ENTRY])},
    ),
    "R4 notification": backport(
        "event-notification", f"https://ehr.example.org/fhir/{REFERENCE}", entries=[FULL_ENTRY]
    ),
    "R5 notification": r5("event-notification", REFERENCE, entries=[FULL_ENTRY]),
    "notification without focus": backport("event-notification", entries=[FULL_ENTRY]),
    "HAPI": {
        "headers": {},
        "payload": {
            "operationType": "UPDATE",
            "payloadId": f"{REFERENCE}/_history/3",
            "payload": json.dumps(REPORT),
        },
    },
    "LinuxForHealth": {
        "operationType": "update",
        "location": f"{REFERENCE}/_history/3",
        "resourceId": "dr1",
        "resource": REPORT,
    },
    "CloudEvent": {"specversion": "1.0", "type": "org.hl7.fhir.created", "data": REPORT},
    "CloudEvent with text": {"specversion": "1.0", "type": "x", "data": json.dumps(REPORT)},
    "CloudEvent in base64": {
        "specversion": "1.0",
        "type": "x",
        "data_base64": base64.b64encode(json.dumps(REPORT).encode()).decode(),
    },
    "Pub/Sub": {
        "message": {
            "attributes": {"action": "CreateResource", "resourceType": "DiagnosticReport"},
            "data": base64.b64encode(json.dumps(REPORT).encode()).decode(),
        }
    },
}

REFERENCE_ONLY = {
    "plain": REFERENCE.encode(),
    "plain with version": f"{REFERENCE}/_history/3".encode(),
    "absolute": f"https://ehr.example.org/fhir/{REFERENCE}\n".encode(),
    "JSON string": json.dumps(REFERENCE).encode(),
    "Reference": {"reference": REFERENCE},
    "R4 id-only": backport(
        "event-notification",
        REFERENCE,
        entries=[{"fullUrl": f"https://ehr.example.org/{REFERENCE}"}],
    ),
    "R5 id-only": r5("event-notification", REFERENCE),
    "lightweight message": bundle(
        "message",
        {"resource": {"resourceType": "MessageHeader", "focus": [{"reference": REFERENCE}]}},
    ),
    "batch-response": bundle(
        "batch-response", {"response": {"location": f"{REFERENCE}/_history/3"}}
    ),
    "HAPI without payload": {"payload": {"operationType": "CREATE", "resourceId": REFERENCE}},
    "Azure Event Grid": [
        {
            "eventType": "Microsoft.HealthcareApis.FhirResourceUpdated",
            "data": {
                "resourceType": "DiagnosticReport",
                "resourceFhirId": "dr1",
                "resourceVersionId": 3,
            },
        }
    ],
    "Azure CloudEvent": {
        "specversion": "1.0",
        "type": "Microsoft.HealthcareApis.FhirResourceCreated",
        "subject": f"host.example.org/{REFERENCE}",
        "data": {
            "resourceType": "DiagnosticReport",
            "resourceFhirId": "dr1",
            "resourceVersionId": 3,
        },
    },
    "Pub/Sub name only": {
        "attributes": {"action": "UpdateResource"},
        "data": base64.b64encode(f"projects/p/fhirStores/s/fhir/{REFERENCE}".encode()).decode(),
    },
}

DELETED = {
    "history": bundle("history", {"request": {"method": "DELETE", "url": REFERENCE}}),
    "HAPI": {"payload": {"operationType": "DELETE", "payloadId": REFERENCE}},
    "LinuxForHealth": {"operationType": "delete", "location": REFERENCE, "resourceId": "dr1"},
    "Azure": {
        "eventType": "Microsoft.HealthcareApis.FhirResourceDeleted",
        "data": {
            "resourceType": "DiagnosticReport",
            "resourceFhirId": "dr1",
            "resourceVersionId": 4,
        },
    },
    "CloudEvent": {
        "specversion": "1.0",
        "type": "org.hl7.fhir.resource.deleted",
        "subject": REFERENCE,
    },
    "notification": backport(
        "event-notification",
        REFERENCE,
        entries=[
            {
                "fullUrl": f"https://h.example.org/{REFERENCE}",
                "request": {"method": "DELETE", "url": REFERENCE},
            }
        ],
    ),
}


@pytest.mark.parametrize("content", FULL_RESOURCE.values(), ids=FULL_RESOURCE)
def test_the_resource_is_unwrapped(content):
    (event,) = opened(content)
    assert event.operation is Operation.UPSERT
    assert str(event.source) == f"{REFERENCE}/_history/3"
    assert event.resource is not None
    assert event.resource["conclusion"] == REPORT["conclusion"]


@pytest.mark.parametrize("content", REFERENCE_ONLY.values(), ids=REFERENCE_ONLY)
def test_a_reference_is_an_event_without_a_resource(content):
    (event,) = opened(content)
    assert (event.operation, event.source.unversioned) == (Operation.UPSERT, REFERENCE)
    assert event.source.version in {None, "3"}
    assert event.resource is None


@pytest.mark.parametrize("content", DELETED.values(), ids=DELETED)
def test_a_deletion_is_recognised(content):
    (event,) = opened(content)
    assert (event.operation, event.source.unversioned) == (Operation.DELETE, REFERENCE)


def test_cloudevents_in_binary_mode():
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_type", b"resource.deleted"),
        ("ce_subject", REFERENCE.encode()),
    ]
    (deleted,) = opened(b"", headers)
    assert (deleted.operation, deleted.source.unversioned) == (Operation.DELETE, REFERENCE)
    (created,) = opened(REPORT, [("ce_specversion", b"1.0"), ("ce_type", b"created")])
    assert created.resource == REPORT


def hapi(operation, **payload):
    """A ResourceModifiedJsonMessage with all its fields, as HAPI FHIR's channel writes it."""
    return {
        "headers": {"retryCount": 0, "customHeaders": {}},
        "payload": {
            "attributes": {},
            "mediaType": None,
            "messageKey": None,
            "operationType": operation,
            "partitionId": {"allPartitions": False, "partitionIds": [None]},
            "payload": None,
            "payloadId": REFERENCE,
            "payloadVersion": "3",
            "subscriptionId": None,
            "transactionId": "17",
            **payload,
        },
    }


@pytest.mark.parametrize("operation", ["CREATE", "UPDATE", "MANUALLY_TRIGGERED"])
def test_a_message_of_hapi_with_all_its_fields(operation):
    unversioned = {key: value for key, value in REPORT.items() if key != "meta"}
    (event,) = opened(hapi(operation, payload=json.dumps(unversioned)))
    assert (event.operation, str(event.source)) == (Operation.UPSERT, f"{REFERENCE}/_history/3")
    assert event.resource == unversioned
    (event,) = opened(hapi(operation))
    assert (event.resource, str(event.source)) == (None, f"{REFERENCE}/_history/3")


def test_a_deletion_of_hapi_names_its_version():
    (event,) = opened(hapi("DELETE"))
    assert (event.operation, str(event.source)) == (Operation.DELETE, f"{REFERENCE}/_history/3")
    (event,) = opened(hapi("DELETE", payloadVersion="not a version"))
    assert str(event.source) == REFERENCE


OTHER = {"resourceType": "DocumentReference", "id": "d1", "meta": {"versionId": "1"}}
TWO = bundle("collection", {"resource": REPORT}, {"resource": OTHER})
BOTH = [f"{REFERENCE}/_history/3", "DocumentReference/d1/_history/1"]
SEVERAL = {
    "collection": TWO,
    "Bundle in a Bundle": bundle("collection", {"resource": TWO}),
    "message": bundle("message", {"resource": {"resourceType": "MessageHeader"}}, *TWO["entry"]),
    "searchset": bundle("searchset", *TWO["entry"]),
    "CloudEvent": {"specversion": "1.0", "type": "x", "data": TWO},
    "CloudEvent in base64": {
        "specversion": "1.0",
        "type": "x",
        "data_base64": base64.b64encode(b"\xef\xbb\xbf" + json.dumps(TWO).encode()).decode(),
    },
    "CloudEvents in a batch": [
        {"specversion": "1.0", "type": "x", "data": REPORT},
        {"specversion": "1.0", "type": "x", "data": OTHER},
    ],
    "HAPI": hapi("UPDATE", payloadId="Bundle/b1", payload=json.dumps(TWO)),
    "list": [REPORT, OTHER],
    "R4 id-only": backport("event-notification", *BOTH),
    "R5 id-only": r5("event-notification", *BOTH),
    "R5 in full": r5(
        "event-notification",
        REFERENCE,
        "DocumentReference/d1",
        entries=[
            FULL_ENTRY,
            {"fullUrl": "https://h.example.org/DocumentReference/d1", "resource": OTHER},
        ],
    ),
}


@pytest.mark.parametrize("content", SEVERAL.values(), ids=SEVERAL)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "BOM"])
def test_several_reports_of_one_record_are_each_an_event(content, mark):
    record = mark + json.dumps(content).encode()
    assert [str(event.source) for event in opened(record)] == BOTH


def test_a_history_of_several_reports_is_in_the_order_of_time():
    versions = [
        {
            "resource": {**REPORT, "meta": {"versionId": "4"}},
            "request": {"method": "PUT", "url": REFERENCE},
        },
        {"resource": OTHER},
        {"resource": REPORT},
    ]
    events = opened(bundle("history", *versions))
    assert [str(event.source) for event in events] == [*BOTH, f"{REFERENCE}/_history/4"]
    gone = [{"request": {"method": "DELETE", "url": REFERENCE}}, *versions]
    last = opened(bundle("history", *gone))[-1]
    assert (last.operation, last.source.unversioned) == (Operation.DELETE, REFERENCE)


def test_a_notification_of_r5_without_content_or_about_something_else_has_its_reason():
    assert reason_of(r5("event-notification")) is Reason.NOTIFICATION_WITHOUT_FOCUS
    assert reason_of(r5("event-notification", "Encounter/1")) is Reason.NO_REPORT_IN_BUNDLE
    empty = r5("event-notification")
    empty["entry"][0]["resource"]["notificationEvent"] = [{"eventNumber": "1"}]
    assert reason_of(empty) is Reason.NOTIFICATION_WITHOUT_FOCUS


@pytest.mark.parametrize(
    "value",
    [
        json.dumps(REPORT).encode(),
        b"\xef\xbb\xbf" + json.dumps(REPORT).encode(),
        json.dumps(TWO).encode(),
    ],
)
@pytest.mark.parametrize("prefix", ["ce_", "ce-", "CE_"])
def test_cloudevents_in_binary_mode_hold_whatever_a_record_may(value, prefix):
    headers = [
        (f"{prefix}specversion", b"1.0"),
        (f"{prefix}id", b"1"),
        (f"{prefix}source", b"/ehr"),
        (f"{prefix}type", b"org.hl7.fhir.updated"),
        ("content-type", b"application/fhir+json; charset=utf-8; fhirVersion=4.0"),
    ]
    events = opened(value, headers)
    assert str(events[0].source) == f"{REFERENCE}/_history/3"
    assert all(event.operation is Operation.UPSERT for event in events)


def test_binary_mode_names_what_the_resource_does_not():
    bare = {"resourceType": "DiagnosticReport", "status": "final"}
    headers = [("ce_specversion", b"1.0"), ("ce_type", b"x"), ("ce_subject", REFERENCE.encode())]
    (event,) = opened(bare, headers)
    assert event.source.unversioned == REFERENCE


@pytest.mark.parametrize("type_", ["handshake", "heartbeat", "query-status"])
@pytest.mark.parametrize("notification", [backport, r5])
def test_keeping_in_touch_announces_nothing(notification, type_):
    assert opened(notification(type_)) == ()


def test_a_tombstone_announces_nothing():
    assert decode(None, (), "topic") == ()


def test_several_reports_are_several_events_with_the_rest_beside_them():
    other = {"resourceType": "DocumentReference", "id": "d1", "status": "current"}
    events = opened(bundle("collection", *({"resource": r} for r in (PATIENT, REPORT, other))))
    assert [str(e.source) for e in events] == [f"{REFERENCE}/_history/3", "DocumentReference/d1"]
    assert PATIENT in events[0].companions
    assert events[0].companions is events[1].companions, "shared: a copy each would be quadratic"


def test_a_bad_entry_does_not_take_the_good_ones_with_it():
    bad = {"resourceType": "DiagnosticReport", "status": "final"}
    good, failed = opened(bundle("collection", {"resource": REPORT}, {"resource": bad}))
    assert (good.source.id, good.unreadable) == ("dr1", None)
    assert (str(failed.source), failed.unreadable) == ("Bundle/entry-1", Reason.MISSING_ID)
    assert (
        reason_of(bundle("collection", {"resource": bad}, {"resource": bad})) is Reason.MISSING_ID
    )


def test_two_states_of_one_report_are_two_events_and_equal_ones_are_one():
    withdrawn = {**REPORT, "meta": {}, "status": "entered-in-error"}
    entries = [{"resource": r} for r in ({**REPORT, "meta": {}}, withdrawn, withdrawn)]
    events = opened(bundle("collection", *entries))
    assert [e.resource["status"] for e in events if e.resource] == ["final", "entered-in-error"]


def test_a_history_is_processed_oldest_first():
    versions = [{**REPORT, "meta": {"versionId": v}} for v in ("2", "1")]
    events = opened(bundle("history", *({"resource": r} for r in versions)))
    assert [e.source.version for e in events] == ["1", "2"]


def test_references_to_siblings_become_literal():
    report = {**REPORT, "subject": {"reference": "urn:uuid:p"}}
    (event,) = opened(
        bundle("transaction", {"fullUrl": "urn:uuid:p", "resource": PATIENT}, {"resource": report})
    )
    assert event.resource is not None
    assert event.resource["subject"] == {"reference": "Patient/p1"}


def test_an_id_comes_from_the_full_url_where_the_resource_has_none():
    bare = {key: value for key, value in REPORT.items() if key != "id"}
    (event,) = opened(
        bundle("collection", {"fullUrl": f"https://h.example.org/{REFERENCE}", "resource": bare})
    )
    assert event.source.id == "dr1"
    assert event.resource is not None
    assert event.resource["id"] == "dr1"


BROKEN = {
    "empty": (b"", Reason.EMPTY_RECORD),
    "blank": (b" \n", Reason.EMPTY_RECORD),
    "cut off": (b'{"resourceType": "DiagnosticReport", "id', Reason.NOT_JSON),
    "HL7 v2 without settings": (b"MSH|^~\\&|LAB", Reason.NOT_JSON),
    "XML": (b"<DiagnosticReport/>", Reason.NOT_JSON),
    "latin-1": ('{"resourceType": "Größe"}'.encode("latin-1"), Reason.NOT_JSON),
    "NaN": (b'{"resourceType": NaN}', Reason.NOT_JSON),
    "huge number": (b"1" * 5000, Reason.NOT_JSON),
    "deep": (b"[" * 100_000, Reason.NOT_JSON),
    "deep but whole": (b"[" * 300 + b"]" * 300, Reason.NOT_JSON),
    "number": (b"42", Reason.NOT_A_RESOURCE),
    "empty list": (b"[]", Reason.NOT_A_RESOURCE),
    "object": (b"{}", Reason.NOT_A_RESOURCE),
    "Patient": (json.dumps(PATIENT).encode(), Reason.UNSUPPORTED_RESOURCE_TYPE),
    "reference to a Patient": (b"Patient/p1", Reason.UNSUPPORTED_RESOURCE_TYPE),
    "no id": (b'{"resourceType": "DiagnosticReport"}', Reason.MISSING_ID),
    "id that walks": (
        b'{"resourceType": "DiagnosticReport", "id": "../x"}',
        Reason.INVALID_RESOURCE,
    ),
    "id of another form": (
        b'{"resourceType": "DiagnosticReport", "id": 1}',
        Reason.INVALID_RESOURCE,
    ),
    "Bundle without reports": (
        json.dumps(bundle("collection", {"resource": PATIENT})).encode(),
        Reason.NO_REPORT_IN_BUNDLE,
    ),
    "empty Bundle": (json.dumps(bundle("searchset")).encode(), Reason.NO_REPORT_IN_BUNDLE),
    "entries that are none": (b'{"resourceType": "Bundle", "entry": [3]}', Reason.INVALID_RESOURCE),
    "empty notification": (
        json.dumps(backport("event-notification")).encode(),
        Reason.NOTIFICATION_WITHOUT_FOCUS,
    ),
    "notification of something else": (
        json.dumps(backport("event-notification", "Encounter/1")).encode(),
        Reason.NO_REPORT_IN_BUNDLE,
    ),
    "HAPI with a broken payload": (
        b'{"payload": {"operationType": "CREATE", "payloadId": "DiagnosticReport/1", "payload": "{"}}',
        Reason.UNSUPPORTED_ENVELOPE,
    ),
    "CloudEvent with broken base64": (
        b'{"specversion": "1.0", "type": "x", "data_base64": "*"}',
        Reason.UNSUPPORTED_ENVELOPE,
    ),
}


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
def test_broken_records_have_their_reason(content, reason):
    assert reason_of(content) is reason


def test_envelopes_in_envelopes_end_somewhere():
    content = REPORT
    for _ in range(10):
        content = {"specversion": "1.0", "type": "x", "data": content}
    assert reason_of(content) is Reason.UNSUPPORTED_ENVELOPE


def test_messages_hold_nothing_of_the_record():
    canary = "Jane-Canary"
    record = b'{"resourceType": "DiagnosticReport", "text": "' + canary.encode() + b'", '
    with pytest.raises(UnreadableReport) as caught:
        opened(record)
    assert canary not in str(caught.value)
    assert caught.value.__cause__ is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=10,
)
NAMES = [
    "attributes",
    "code",
    "coding",
    "data",
    "data_base64",
    "entry",
    "eventCoding",
    "eventType",
    "eventUri",
    "extension",
    "focus",
    "fullUrl",
    "id",
    "location",
    "message",
    "meta",
    "method",
    "name",
    "notificationEvent",
    "operationType",
    "parameter",
    "part",
    "payload",
    "payloadId",
    "profile",
    "reference",
    "request",
    "resource",
    "resourceFhirId",
    "resourceId",
    "resourceType",
    "resourceVersionId",
    "response",
    "specversion",
    "subject",
    "type",
    "url",
    "valueCode",
    "valueReference",
    "versionId",
]
WORDS = st.sampled_from(
    [
        "Bundle",
        "DiagnosticReport",
        "Parameters",
        "SubscriptionStatus",
        "MessageHeader",
        "history",
        "DELETE",
        "message",
        "event-notification",
        "focus",
        "notification-event",
        REFERENCE,
        "urn:uuid:1",
        BACKPORT,
        "type",
    ]
)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["ce_specversion", "ce_type", "ce_subject"]), st.binary(max_size=20))
)
ENVELOPE_LIKE = st.recursive(
    JSON | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=25,
)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(value):
    with contextlib.suppress(OncofhirError):
        decode(value, (), "topic")


@given(ENVELOPE_LIKE, HEADERS)
def test_no_json_raises_anything_else(content, headers):
    with contextlib.suppress(OncofhirError):
        opened(content, headers)


@pytest.mark.parametrize("frame", ["{}", "\x0b{}\x1c\r"])
def test_an_hl7_v2_message_announces_its_reports(frame):
    value = frame.format(oru(obr("F1"), obx("a"), obr("F2"), obx("b"))).encode()
    events = decode(value, (), "topic", Hl7v2Settings())
    assert [event.source.type for event in events] == ["DiagnosticReport"] * 2
    assert all(event.resource["id"] == event.source.id for event in events)
