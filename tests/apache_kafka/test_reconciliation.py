"""What came in held against what came out, on topics that Apache Kafka has compacted and with transactions."""

from datetime import UTC, datetime

import pytest
from kafka import KafkaAdminClient

from oncofhir.consumers.kafka.bounded_reader import bounded_reader
from oncofhir.consumers.kafka.committed_offsets import committed_offsets
from oncofhir.consumers.kafka.connection import client_options, connect
from oncofhir.consumers.reconciliation.ledger import Problem
from oncofhir.consumers.reconciliation.reconcile import read_topics
from tests.apache_kafka.test_records import transaction
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    message,
    publish,
    read_all,
    report,
    running,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio

AT_ONCE = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.001",
    "segment.ms": "100",
    "max.compaction.lag.ms": "100",
}
REPORTS, VERSIONS = 6, 4


def reconciled(kafka):
    """Counts, and problem and offset of what is wrong; committed offsets are read first, as the command does."""
    committed = committed_offsets(kafka)
    with bounded_reader(kafka) as reader:
        ledger = read_topics(reader, kafka, None, None, lambda _: None)
    now = int(datetime.now(UTC).timestamp() * 1000)
    return ledger.counts, list(ledger.discrepancies(committed, now, 3_600_000))


async def made_anew(kafka, topic, configs):
    admin = connect(KafkaAdminClient, kafka, **client_options(kafka, "tests"))
    try:
        admin.delete_topics([topic])
        await until(lambda: topic not in admin.list_topics())
        wanted = {"num_partitions": 1, "replication_factor": 1, "configs": configs}
        admin.create_topics({topic: wanted}, wait_for_metadata=True)
    finally:
        admin.close()


async def test_rows_that_were_compacted_away_are_no_loss(settings):
    kafka = settings.kafka
    await made_anew(kafka, kafka.outcome_topic, AT_ONCE)
    total = REPORTS * VERSIONS
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        for version in range(1, VERSIONS + 1):
            await publish(
                settings, [message(settings, report(f"r{n}", version)) for n in range(REPORTS)]
            )
            done = version * REPORTS
            await until(lambda done=done: len(processor.events) == done)
            await until(lambda: not worker.status.in_flight)
    await until(lambda: len(read_all(settings, kafka.outcome_topic)) < total)
    counts, wrong = reconciled(kafka)
    assert wrong == []
    assert counts["compacted"] >= 1
    assert counts["accounted"] + counts["compacted"] == counts["records"] == total


async def test_aborted_records_are_no_reports_and_a_lost_one_is_named(settings):
    kafka = settings.kafka
    good, bad = (
        [message(settings, report(f"{kind}{n}")) for n in range(3)] for kind in ("good", "bad")
    )
    transaction(settings, "t", [(good[:2], True), (bad, False), (good[2:], True)])
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        await until(lambda: len(processor.events) == 3)
        await until(lambda: not worker.status.in_flight)
    counts, wrong = reconciled(kafka)
    assert (counts["records"], counts["accounted"], wrong) == (3, 3, [])
    lost = settings.model_copy(
        update={"kafka": kafka.model_copy(update={"outcome_topic": kafka.phenotype_topic})}
    )
    _, wrong = reconciled(lost.kafka)
    assert [(x.problem, x.offset) for x in wrong] == [
        (Problem.MISSING, 0),
        (Problem.MISSING, 1),
        (Problem.MISSING, 7),
    ]
