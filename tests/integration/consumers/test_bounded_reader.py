"""Reading a topic from a point in time on, against a real broker."""

import time
from contextlib import closing
from datetime import UTC, datetime

import pytest
from kafka import KafkaProducer

from oncofhir.consumers.kafka.bounded_reader import bounded_reader
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.reconciliation.reconcile import read_topics
from tests.integration.consumers.worker_harness import settings_for

TIMES = [1_000_000, 2_000_000, 1_500_000, 3_000_000]


@pytest.fixture(scope="module")
def kafka(broker):
    made = settings_for(broker.address).kafka
    ensure_topics(made, partitions=1)
    with closing(KafkaProducer(bootstrap_servers=broker.address)) as producer:
        for stamp in TIMES:
            sent = producer.send(made.diagnostic_report_topic, b"{}", timestamp_ms=stamp)
            sent.get(timeout=30)
    return made


def test_after_the_last_record_there_is_none(kafka):
    """Tansu goes by when it took a record, not by the record's own timestamp."""
    later = int((time.time() + 3_600) * 1_000)
    with bounded_reader(kafka) as reader:
        topic = kafka.diagnostic_report_topic
        assert [r.timestamp for r in reader.read_to_end(topic, 0)] == TIMES
        assert list(reader.read_to_end(topic, later)) == []


def test_reconcile_counts_only_the_records_of_its_time(kafka):
    said: list[str] = []
    begin, end = (datetime.fromtimestamp(s, UTC) for s in (1_600, 2_500))
    with bounded_reader(kafka) as reader:
        ledger = read_topics(reader, kafka, begin, end, said.append)
        after = read_topics(reader, kafka, datetime.fromtimestamp(3_001, UTC), None, said.append)
    assert ledger.counts["records"] == 1
    assert after.counts["records"] == 0
    assert said[0] == f"{kafka.diagnostic_report_topic}, records: 1"
