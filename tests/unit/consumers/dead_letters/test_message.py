"""What a dead letter adds to its record, what it leaves alone, and the reference to a record."""

import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.dead_letters.message import (
    ReportFailure,
    build_dead_letter,
    build_reference,
)
from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, SourceRecord
from oncofhir.consumers.publishing.row_messages import dead_lettered
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.reasons import Reason

CANARY = b"CANARY"
AT = Coordinates("topic", 3, 42)
FIRST = datetime(2026, 1, 2, tzinfo=UTC)


def record(key=b"k", value=b"v", headers=()):
    return SourceRecord(AT, AssignmentEpoch("topic", 3, 1), 1_000, 0.0, key, value, tuple(headers))


@given(
    st.none() | st.binary(),
    st.binary(),
    st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=8)), max_size=4),
)
def test_key_value_and_headers_are_untouched(key, value, headers):
    failures = [ReportFailure(Reason.NOT_JSON, "decode", 1)]
    letter = build_dead_letter(record(key, value, headers), failures, FIRST, "dead")
    assert (letter.topic, letter.key, letter.value) == ("dead", key, value)
    assert letter.headers[: len(headers)] == tuple((n, v or b"") for n, v in headers)
    ours = dict(letter.headers[len(headers) :])
    absent = [str(n) for n, (_, v) in enumerate(headers) if v is None]
    assert ours.get("oncofhir-null-headers", b"").decode() == ",".join(absent)


def test_our_headers_are_codes_numbers_and_times():
    secret = record(CANARY, CANARY, [("CANARY", CANARY)])
    failures = [
        ReportFailure(Reason.STORE_REJECTED, "process", 2, 1),
        ReportFailure(Reason.UNEXPECTED, "process", 3, 4),
    ]
    ours = dict(build_dead_letter(secret, failures, FIRST, "dead").headers[1:])
    assert ours["oncofhir-reason"] == b"store-rejected"
    assert ours["oncofhir-entries"] == b"1,4"
    assert ours["oncofhir-attempts"] == b"3"
    assert ours["oncofhir-partition"] == b"3"
    assert ours["oncofhir-offset"] == b"42"
    assert ours["oncofhir-timestamp"] == b"1000"
    assert ours["oncofhir-first-tried"] == b"2026-01-02T00:00:00.000+00:00"
    assert not any(CANARY in value for value in ours.values())
    assert "CANARY" not in repr(secret)


def test_the_outcome_of_a_dead_letter_names_the_report_or_else_the_record():
    known = dead_lettered(
        SourceReference(type="DiagnosticReport", id="1", version="2"), Reason.NO_TEXT, record()
    )
    assert (known.document, known.source, known.source_version) == (
        "DiagnosticReport/1",
        "DiagnosticReport/1",
        "2",
    )
    assert dead_lettered(None, Reason.NOT_JSON, record()).document == "topic/3/42"
    assert known.revision == 1_000


def test_the_failure_s_location_and_detail_are_headers():
    failure = ReportFailure(Reason.NOT_JSON, "decode", 1, None, "topic", "line 1 column 7")
    added = dict(build_dead_letter(record(), [failure], FIRST, "dead").headers)
    assert added["oncofhir-location"] == b"topic"
    assert added["oncofhir-detail"] == b"line 1 column 7"


@pytest.mark.parametrize("detail", ["\ud800", "x" * 100_000, "Größe"])
def test_any_detail_makes_a_header_of_bounded_size(detail):
    failure = ReportFailure(Reason.UNEXPECTED, "process", 1, None, None, detail)
    added = dict(build_dead_letter(record(), [failure], FIRST, "dead").headers)
    assert 0 < len(added["oncofhir-detail"]) <= 2_000


@given(
    st.none() | st.binary(),
    st.none() | st.binary(),
    st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=2_000)), max_size=4),
)
def test_a_reference_is_small_and_holds_nothing_of_the_record(key, value, headers):
    secret = record(key, value, headers)
    letter = build_reference(secret, [ReportFailure(Reason.NOT_JSON, "decode", 1)], FIRST, "dead")
    size = len(letter.value) + sum(len(name) + len(value) for name, value in letter.headers)
    assert size < 2_000
    named = json.loads(letter.value)
    assert (named["topic"], named["partition"], named["offset"]) == AT
    assert named["bytes"] == len(value or b"")
    assert named["sha256"] == hashlib.sha256(value or b"").hexdigest()
    assert letter.key == b"topic/3/42"
    assert {name for name, _ in letter.headers} <= {
        "oncofhir-reason",
        "oncofhir-stage",
        "oncofhir-attempts",
        "oncofhir-topic",
        "oncofhir-partition",
        "oncofhir-offset",
        "oncofhir-timestamp",
        "oncofhir-first-tried",
        "oncofhir-last-tried",
        "oncofhir-version",
        "oncofhir-body",
        "oncofhir-sha256",
        "oncofhir-bytes",
    }
