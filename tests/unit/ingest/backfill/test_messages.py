"""Items as messages: topic and key of a live event, or the reason that the worker would give."""

import json

import pytest

from oncofhir.consumers.publishing.report_publisher import resource_message
from oncofhir.ingest.backfill.counts import Counts
from oncofhir.ingest.backfill.messages import BackfillTopics, dead_letter, prepare
from oncofhir.ingest.backfill.source import Item
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings, SettingsError
from tests.builders import CANARY, diagnostic_report, document_reference

KAFKA = KafkaSettings(
    diagnostic_report_backfill_topic="old-reports",
    document_reference_backfill_topic="old-documents",
)
TOPICS = BackfillTopics(KAFKA)


def item(content, origin="part.ndjson:3"):
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Item(origin, raw, {"file": 0, "line": 3, "offset": 99})


@pytest.mark.parametrize(
    ("resource", "topic"),
    [(diagnostic_report("a"), "old-reports"), (document_reference("b"), "old-documents")],
)
def test_a_report_has_the_key_of_its_live_event_and_its_bytes(resource, topic):
    prepared = prepare(item(resource), TOPICS)
    assert prepared.message.topic == topic
    assert prepared.message.key == resource_message(resource, KAFKA).key
    assert prepared.message.value == json.dumps(resource).encode()
    assert (prepared.kind, prepared.status) == (resource["resourceType"], resource["status"])


@pytest.mark.parametrize(
    ("content", "reason", "is_broken"),
    [
        (b"{broken " + CANARY.encode(), Reason.NOT_JSON, True),
        (b'{"id": 1, "id": 2}', Reason.DUPLICATE_JSON_KEYS, True),
        ({"resourceType": "Patient", "id": CANARY}, Reason.UNSUPPORTED_RESOURCE_TYPE, False),
        ({"resourceType": "Bundle", "type": "collection"}, Reason.NO_REPORT_IN_BUNDLE, False),
        ({"resourceType": "DiagnosticReport"}, Reason.MISSING_ID, True),
        ({"a": CANARY}, Reason.NOT_A_RESOURCE, True),
        (b"\xff\xfe", Reason.NOT_JSON, True),
        (b"[" * 100_000, Reason.NOT_JSON, True),
    ],
)
def test_what_is_left_out_has_the_reason_of_the_worker(content, reason, is_broken):
    prepared = prepare(item(content), TOPICS)
    assert (prepared.reason, prepared.is_broken) == (reason, is_broken)
    assert CANARY not in f"{prepared!r} {prepared.detail}"


def test_a_status_that_is_no_code_is_not_counted_by_name():
    assert prepare(item(diagnostic_report("a", status=CANARY)), TOPICS).status == "other"


def test_versions_have_fingerprints_of_their_own():
    def mark(**more):
        return prepare(item(diagnostic_report("a", **more)), TOPICS).fingerprint

    first = mark(meta={"versionId": "1"})
    assert mark(meta={"versionId": "1"}, conclusion="in another order") == first
    assert mark(meta={"versionId": "2"}) != first
    assert mark(conclusion="a") != mark(conclusion="b")


def test_a_type_without_a_topic_names_the_setting():
    topics = BackfillTopics(KafkaSettings(diagnostic_report_backfill_topic="old-reports"))
    with pytest.raises(SettingsError, match="ONCOFHIR_KAFKA__DOCUMENT_REFERENCE_BACKFILL_TOPIC"):
        prepare(item(document_reference("b")), topics)


def test_a_bundle_of_several_reports_has_no_key():
    entries = [{"resource": diagnostic_report("a")}, {"resource": document_reference("b")}]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    message = prepare(item(bundle), TOPICS).message
    assert (message.topic, message.key) == ("old-reports", None)


def test_a_dead_letter_has_the_bytes_and_no_name_of_the_file():
    prepared = prepare(item(b"{broken", origin=f"{CANARY}.ndjson:3"), TOPICS)
    letter = dead_letter(prepared, 7, KAFKA, "old-reports")
    headers = {name: value.decode() for name, value in letter.headers}
    assert letter.value == b"{broken"
    assert headers["oncofhir-reason"] == "not-json"
    assert (headers["oncofhir-partition"], headers["oncofhir-offset"]) == ("-1", "7")
    assert headers["oncofhir-location"] == "file 0, line 3, offset 99"
    assert CANARY not in str(headers)


def test_counts_reconcile_only_if_nothing_is_missing():
    results = [prepare(item(diagnostic_report("a")), TOPICS), prepare(item(b"{"), TOPICS)]
    counts = Counts().with_results(3, results, again=1)
    assert counts.reconciles
    assert counts.summary()["published_by_type"] == {"DiagnosticReport": {"final": 1}}
    assert not counts.with_results(2, results[:1]).reconciles
