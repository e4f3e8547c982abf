"""`topics ensure` and `check` against Apache Kafka, which tells every setting of a topic."""

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from oncofhir.consumers.kafka.connection import client_options, connect
from oncofhir.consumers.kafka.topic_checks import Severity, check_topics
from oncofhir.consumers.kafka.topics import ensure_topics
from tests.integration.consumers.worker_harness import settings_for


@pytest.fixture
def kafka(broker):
    return settings_for(broker.address, history=True).kafka


def altered(kafka, topic, **configs):
    admin = connect(KafkaAdminClient, kafka, **client_options(kafka, "tests"))
    try:
        named = {name.replace("_", "."): value for name, value in configs.items()}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=named)])
    finally:
        admin.close()


def found(kafka, **options):
    return {(f.topic, f.problem, f.severity) for f in check_topics(kafka, **options)}


def test_what_ensure_makes_check_finds_right(kafka):
    missing = found(kafka)
    assert {problem for _, problem, _ in missing} == {"missing"}
    assert len(missing) == 7
    assert all(state.created for state in ensure_topics(kafka, partitions=3))
    # One broker, one replica: that is a warning, and all that there is to find.
    assert {(p, s) for _, p, s in found(kafka, partitions=3)} == {("replication", Severity.WARNING)}
    assert not any(state.created for state in ensure_topics(kafka, partitions=9))


def test_each_thing_that_is_wrong_is_found(kafka):
    ensure_topics(kafka, partitions=2)
    altered(kafka, kafka.outcome_topic, cleanup_policy="delete")
    altered(kafka, kafka.diagnostic_report_topic, cleanup_policy="compact")
    altered(kafka, kafka.dead_letter_topic, retention_ms="1000", max_message_bytes="2000")
    assert found(kafka, partitions=4, replication_factor=2) >= {
        (kafka.outcome_topic, "cleanup.policy", Severity.LOSES_DATA),
        (kafka.diagnostic_report_topic, "cleanup.policy", Severity.LOSES_DATA),
        (kafka.dead_letter_topic, "retention.ms", Severity.WRONG),
        (kafka.dead_letter_topic, "max.message.bytes", Severity.WRONG),
        (kafka.phenotype_topic, "partitions", Severity.WRONG),
        (kafka.phenotype_topic, "replication", Severity.WRONG),
    }
