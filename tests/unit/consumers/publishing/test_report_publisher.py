"""Which topic and which key a resource gets."""

import json

import pytest
from kafka import errors as kafka_errors

from oncofhir.consumers.kafka.connection import client_options, translate_error
from oncofhir.consumers.kafka.topics import wanted_topics
from oncofhir.consumers.publishing.report_publisher import raw_message, resource_message, topic_for
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, RequestRejected
from oncofhir.settings import KafkaSettings

KAFKA = KafkaSettings()
DIAGNOSTIC, DOCUMENT = KAFKA.diagnostic_report_topic, KAFKA.document_reference_topic


def bundle(*kinds):
    return {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": kind}} for kind in kinds],
    }


@pytest.mark.parametrize(
    ("resource", "topic"),
    [
        ({"resourceType": "DiagnosticReport"}, DIAGNOSTIC),
        ({"resourceType": "DocumentReference"}, DOCUMENT),
        ({"resourceType": "Patient"}, DIAGNOSTIC),
        ({}, DIAGNOSTIC),
        (bundle("Patient", "DocumentReference"), DOCUMENT),
        (bundle("DocumentReference", "DiagnosticReport"), DIAGNOSTIC),
        ({"resourceType": "Bundle", "entry": "broken"}, DIAGNOSTIC),
        ({"resourceType": "Bundle", "entry": [None, {"resource": 1}]}, DIAGNOSTIC),
    ],
)
def test_the_topic_follows_the_reports(resource, topic):
    assert topic_for(resource, KAFKA) == topic


def test_a_resource_is_keyed_by_type_and_id_and_published_as_it_was_read():
    resource = {"resourceType": "DiagnosticReport", "id": "1"}
    message = resource_message(resource, KAFKA, b'{ "resourceType" : 1 }')
    assert message.key == b"DiagnosticReport/1"
    assert message.value == b'{ "resourceType" : 1 }'
    assert message.headers == (("content-type", b"application/fhir+json"),)
    assert json.loads(resource_message(resource, KAFKA).value) == resource
    assert resource_message({"resourceType": "Bundle"}, KAFKA).key is None
    assert raw_message(b"\xff", KAFKA).value == b"\xff"


def test_the_topics_are_all_of_the_settings():
    topics = wanted_topics(KAFKA, partitions=3, replication_factor=2)
    assert {t.name for t in topics} == {
        *KAFKA.input_topics,
        KAFKA.phenotype_topic,
        KAFKA.outcome_topic,
        KAFKA.dead_letter_topic,
    }
    compacted = {t.name for t in topics if t.configs.get("cleanup.policy") == "compact"}
    assert compacted == {KAFKA.phenotype_topic, KAFKA.outcome_topic}
    assert {(t.partitions, t.replication_factor) for t in topics} == {(3, 2)}


def test_credentials_are_read_from_their_files(tmp_path):
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    settings = KafkaSettings(
        bootstrap_servers="a:1,b:2",
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="me",
        sasl_password_file=secret,
        ssl_ca_file=tmp_path / "ca.pem",
    )
    options = client_options(settings, "worker")
    assert options["sasl_plain_password"] == "s3cret"
    assert options["bootstrap_servers"] == ["a:1", "b:2"]
    assert options["ssl_cafile"] == str(tmp_path / "ca.pem")
    assert "ssl_keyfile" not in options


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("TopicAuthorizationFailedError", AccessDenied),
        ("SaslAuthenticationFailedError", AccessDenied),
        ("MessageSizeTooLargeError", RequestRejected),
        ("KafkaTimeoutError", DependencyUnavailable),
        ("UnknownTopicOrPartitionError", DependencyUnavailable),
    ],
)
def test_errors_of_the_client_in_our_words(name, kind):
    error = translate_error(getattr(kafka_errors, name)("CANARY"), KAFKA)
    assert type(error) is kind
    assert "CANARY" not in str(error)
    assert "localhost:9092" in str(error)
