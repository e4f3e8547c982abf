"""Kafka Connect, JSON in strings, schema-registry framing, and keys that occur twice."""

import base64
import contextlib
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.envelopes.decode import decode
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "r1",
    "meta": {"versionId": "2"},
    "status": "final",
}
TEXT = json.dumps(REPORT)
BASE64 = base64.b64encode(TEXT.encode()).decode()
STRUCT = {"type": "struct", "fields": [], "optional": False}


def opened(content):
    value = content if isinstance(content, bytes) else json.dumps(content).encode()
    return decode(value, (), "topic")


@pytest.mark.parametrize(
    "content",
    [
        {"schema": STRUCT, "payload": REPORT},
        {"schema": {"type": "string", "optional": False}, "payload": TEXT},
        {"schema": None, "payload": REPORT},
        {"schema": {"type": "string"}, "payload": json.dumps(TEXT)},
        {"schema": {"type": "bytes"}, "payload": BASE64},
        {"before": None, "after": REPORT, "op": "c"},
        {"before": TEXT, "after": TEXT, "op": "u", "ts_ms": 1},
        {"schema": STRUCT, "payload": {"before": None, "after": TEXT, "op": "r", "source": {}}},
        TEXT,
        json.dumps(TEXT),
        {"schema": {"type": "string"}, "payload": "DiagnosticReport/r1/_history/2"},
        {
            "lastUpdated": "2026-01-01T00:00:00Z",
            "location": "DiagnosticReport/r1/_history/2",
            "operationType": "create",
            "resourceId": "r1",
            "datasourceId": "default",
            "tenantId": "default",
            "resource": TEXT,
        },
    ],
)
def test_what_wraps_a_report_is_opened(content):
    (event,) = opened(content)
    assert str(event.source) == "DiagnosticReport/r1/_history/2"


def test_a_null_payload_of_kafka_connect_and_a_deletion_announce_nothing():
    assert opened({"schema": STRUCT, "payload": None}) == ()
    assert opened({"before": REPORT, "after": None, "op": "d"}) == ()


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (b'<DiagnosticReport xmlns="http://hl7.org/fhir"/>', "XML, not JSON"),
        (gzip.compress(TEXT.encode()), "gzip, not JSON in UTF-8"),
        (TEXT.encode("utf-16"), "UTF-16, not JSON in UTF-8"),
        (TEXT.encode() + b"\xff", f"not UTF-8 at byte {len(TEXT)}"),
    ],
)
def test_what_is_no_json_in_utf8_is_named(value, detail):
    with pytest.raises(UnreadableReport) as raised:
        opened(value)
    assert (raised.value.reason, raised.value.detail) == (Reason.NOT_JSON, detail)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\x00\x00\x00\x00\x07" + TEXT.encode(), Reason.SCHEMA_REGISTRY_FRAMING),
        (b"\x00\x00\x01\x86\xa0\x02H\x04", Reason.SCHEMA_REGISTRY_FRAMING),
        (b"\x00", Reason.NOT_JSON),
        (json.dumps("{not json").encode(), Reason.UNSUPPORTED_ENVELOPE),
        (json.dumps({"schema": STRUCT, "payload": "{"}).encode(), Reason.UNSUPPORTED_ENVELOPE),
        (
            json.dumps({"schema": {"type": "bytes"}, "payload": "no base64"}).encode(),
            Reason.UNSUPPORTED_ENVELOPE,
        ),
        (json.dumps({"schema": "x", "payload": REPORT}).encode(), Reason.NOT_A_RESOURCE),
        (json.dumps(json.dumps("[1]")).encode(), Reason.NOT_A_RESOURCE),
    ],
)
def test_what_cannot_be_opened_has_a_reason_of_its_own(value, reason):
    with pytest.raises(UnreadableReport) as raised:
        opened(value)
    assert raised.value.reason is reason


AMBIGUOUS = [
    '{"resourceType":"DiagnosticReport","id":"r1","id":"r2","status":"final"}',
    '{"resourceType":"DiagnosticReport","id":"r1","status":"final","status":"entered-in-error"}',
    '{"resourceType":"Bundle","entry":[{"resource":{"meta":{"versionId":"1","versionId":"2"}}}]}',
]


@pytest.mark.parametrize("text", AMBIGUOUS)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text,
        json.dumps,
        lambda text: json.dumps({"schema": {"type": "string"}, "payload": text}),
        lambda text: json.dumps(
            {"operationType": "UPDATE", "payloadId": "DiagnosticReport/r1", "payload": text}
        ),
        lambda text: json.dumps({"specversion": "1.0", "type": "x", "data": text}),
    ],
    ids=["bare", "string", "connect", "hapi", "cloudevent"],
)
def test_a_key_that_occurs_twice_is_ambiguous(text, wrap):
    with pytest.raises(UnreadableReport) as raised:
        opened(wrap(text).encode())
    assert raised.value.reason is Reason.DUPLICATE_JSON_KEYS
    assert raised.value.detail in {"key id", "key status", "key versionId"}


def test_a_key_that_may_be_content_is_not_named():
    with pytest.raises(UnreadableReport) as raised:
        opened(b'{"Jane Doe":1,"Jane Doe":2}')
    assert "Jane" not in str(raised.value)


@given(
    st.binary(max_size=60)
    | st.recursive(st.text(), lambda x: st.lists(x, max_size=3)).map(json.dumps).map(str.encode)
)
def test_any_bytes_are_events_or_one_error(value):
    with contextlib.suppress(UnreadableReport):  # any other error fails the test
        decode(value, (), "topic")
