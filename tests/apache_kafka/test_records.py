"""Records as real producers write them: codecs, headers, transactions, compaction."""

import asyncio
import json
import os

import confluent_kafka
import pytest
from kafka import KafkaAdminClient, KafkaProducer

from oncofhir.consumers.kafka.client_patches.header_names import HeaderName
from oncofhir.consumers.kafka.connection import client_options, connect
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.worker import Worker
from oncofhir.schemas.errors import RequestRejected
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    committed,
    message,
    publish,
    read_all,
    report,
    running,
    settings_for,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def produce(settings, messages, **options):
    """Plain sends with a producer of its own; returns it closed."""
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers, **options)
    try:
        sent = [
            producer.send(m.topic, key=m.key, value=m.value, headers=list(m.headers), partition=0)
            for m in messages
        ]
        producer.flush()
        return [answer.get(10).offset for answer in sent]
    finally:
        producer.close()


def first_letter(settings):
    (letter,) = read_all(settings, settings.kafka.dead_letter_topic)
    return letter


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
async def test_every_codec_is_read(settings, codec):
    wanted = [report(f"r{n}", text={"div": "x" * 2_000}) for n in range(50)]
    produce(settings, [message(settings, w) for w in wanted], compression_type=codec, linger_ms=50)
    processor = InstantProcessor()
    async with running(settings, processor):
        await until(lambda: len(processor.events) == 50)
    assert committed(settings) == 50


async def test_header_names_that_are_no_utf_8_hold_nothing_up_and_reach_the_dead_letter(settings):
    odd = HeaderName.of(b"\xff\x00 name")
    headers = ((odd, b"\x01"), ("plain", b"2"))
    messages = [
        message(settings, report("before")),
        message(settings, report("odd"), headers=headers),
        message(settings, b"no json", key=b"k", headers=headers),
        message(settings, report("after")),
    ]
    produce(settings, messages)
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        await until(lambda: len(processor.events) == 3)
        await until(lambda: not worker.status.in_flight_since)
    assert {e.source.id for e in processor.events} == {"before", "odd", "after"}
    letter = first_letter(settings)
    assert [(n.encode(), v) for n, v in letter.headers[:2]] == [
        (b"\xff\x00 name", b"\x01"),
        (b"plain", b"2"),
    ]
    assert committed(settings) == 4


async def test_headers_without_a_value_are_named_in_the_dead_letter(settings):
    # kafka-python cannot send them
    producer = confluent_kafka.Producer({"bootstrap.servers": settings.kafka.bootstrap_servers})
    topic = settings.kafka.diagnostic_report_topic
    producer.produce(topic, value=b"no json", headers=[("a", b"1"), ("b", None), ("c", b"")])
    producer.flush(10)
    async with running(settings, InstantProcessor()):
        await until(lambda: committed(settings) == 1)
    letter = first_letter(settings)
    assert letter.headers[:3] == [("a", b"1"), ("b", b""), ("c", b"")]
    assert dict(letter.headers)["oncofhir-null-headers"] == b"1"


async def test_the_trace_goes_on_to_rows_outcomes_and_dead_letters(settings):
    trace = (("traceparent", TRACE),)
    await publish(
        settings,
        [
            message(settings, report("r"), headers=trace),
            message(settings, b"no json", headers=trace),
        ],
    )
    processor = InstantProcessor()
    async with running(settings, processor):
        await until(lambda: committed(settings) == 2)
    kafka = settings.kafka
    for topic, count in (
        (kafka.phenotype_topic, 1),
        (kafka.outcome_topic, 2),
        (kafka.dead_letter_topic, 1),
    ):
        found = read_all(settings, topic)
        assert [dict(row.headers)["traceparent"] for row in found] == [TRACE] * count


def transaction(settings, name, batches):
    """Batches of (messages, whether to commit) by one transactional producer."""
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        transactional_id=f"{settings.kafka.group_id}-{name}",
    )
    try:
        producer.init_transactions()
        for messages, commits in batches:
            producer.begin_transaction()
            for m in messages:
                producer.send(m.topic, key=m.key, value=m.value, partition=0)
            producer.flush()
            if commits:
                producer.commit_transaction()
            else:
                producer.abort_transaction()
    finally:
        producer.close()


async def test_aborted_records_are_never_seen_and_the_gaps_are_committed_over(settings):
    good, bad = (
        [message(settings, report(f"{kind}{n}")) for n in range(10)] for kind in ("good", "bad")
    )
    transaction(
        settings, "t", [(good[:5], True), (bad[:5], False), (good[5:], True), (bad[5:], False)]
    )
    processor = InstantProcessor(delay=0.01)
    async with running(settings, processor):
        await until(lambda: len(processor.events) == 10)
    assert {e.source.id for e in processor.events} == {f"good{n}" for n in range(10)}
    # 5 and a marker, 5 and a marker, 5: up to behind the last record that was read.
    assert committed(settings) == 17
    again = InstantProcessor()
    async with running(settings, again) as worker:
        await until(lambda: worker.status.joined)
        await publish(settings, [message(settings, report("last"))])
        await until(lambda: again.events)
    assert [e.source.id for e in again.events] == ["last"]


async def test_an_open_transaction_is_waited_for(settings):
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap_servers, transactional_id=settings.kafka.group_id
    )
    producer.init_transactions()
    producer.begin_transaction()
    first = message(settings, report("in-transaction"))
    producer.send(first.topic, key=first.key, value=first.value, partition=0)
    producer.flush()
    produce(settings, [message(settings, report("behind"))])
    processor = InstantProcessor()
    try:
        async with running(settings, processor) as worker:
            await until(lambda: worker.status.joined)
            await asyncio.sleep(1.0)
            assert not processor.events
            producer.commit_transaction()
            await until(lambda: len(processor.events) == 2)
    finally:
        producer.close()
    assert committed(settings) == 2  # the marker at 2 is no record


async def test_the_gaps_of_a_compacted_topic_are_committed_over(settings):
    topic = settings.kafka.diagnostic_report_topic
    admin = connect(KafkaAdminClient, settings.kafka, **client_options(settings.kafka, "tests"))
    admin.delete_topics([topic])
    configs = {
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.001",
        "segment.ms": "100",
        "max.compaction.lag.ms": "100",
    }
    try:
        await until(lambda: topic not in admin.list_topics())
        admin.create_topics(
            {topic: {"num_partitions": 1, "replication_factor": 1, "configs": configs}},
            wait_for_metadata=True,
        )
    finally:
        admin.close()
    for version in range(1, 6):
        produce(settings, [message(settings, report(f"r{n}", version)) for n in range(4)])
    await until(lambda: len(read_all(settings, topic)) < 12)
    left = read_all(settings, topic)
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        await until(lambda: len(processor.events) >= len(left) - 4)
        await until(
            lambda: (
                {e.source.id for e in processor.events if e.source.version == "5"}
                == {"r0", "r1", "r2", "r3"}
            )
        )
        # What compaction takes away is no record that was removed before it was read.
        metrics = worker.status.render_metrics().decode()
        removed = [
            n for n in metrics.splitlines() if n.startswith("oncofhir_records_removed_total")
        ]
        assert {float(line.rpartition(" ")[2]) for line in removed} == {0}
    assert committed(settings) == 20


async def test_a_record_too_large_for_the_dead_letters_halts_and_stays(broker):
    made = settings_for(broker.address)
    ensure_topics(made.kafka, partitions=1)
    small = made.kafka.model_copy(
        update={"dead_letter_topic": f"{made.kafka.dead_letter_topic}-small"}
    )
    admin = connect(KafkaAdminClient, small, **client_options(small, "tests"))
    try:
        admin.create_topics(
            {
                small.dead_letter_topic: {
                    "num_partitions": 1,
                    "replication_factor": 1,
                    "configs": {"max.message.bytes": "1000"},
                }
            },
            wait_for_metadata=True,
        )
    finally:
        admin.close()
    settings = made.model_copy(update={"kafka": small})
    produce(
        settings,
        [message(settings, report("good")), message(settings, os.urandom(8_000), key=b"k")],
    )
    with pytest.raises(RequestRejected, match="broker-rejected"):
        await Worker(settings, InstantProcessor()).run()
    assert committed(settings) <= 1


async def test_a_new_group_begins_at_the_earliest_record(settings):
    await publish(settings, [message(settings, report(f"r{n}")) for n in range(10)])
    processor = InstantProcessor()
    async with running(settings, processor):
        await until(lambda: len(processor.events) == 10)
    rows = read_all(settings, settings.kafka.outcome_topic)
    assert {json.loads(row.value)["source"] for row in rows} == {
        f"DiagnosticReport/r{n}" for n in range(10)
    }
