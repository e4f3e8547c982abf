"""Publishing, topics and the embedded broker itself."""

import asyncio
import os
from datetime import UTC, datetime

import pytest
from kafka.errors import KafkaTimeoutError

from oncofhir.consumers.dead_letters.message import DECODE, ReportFailure, build_dead_letter
from oncofhir.consumers.dead_letters.store import parse_dead_letter, replay_message
from oncofhir.consumers.kafka.publisher import Message, Publisher
from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, SourceRecord
from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.publishing.report_publisher import publish_messages, publish_resources
from oncofhir.demo.broker import EmbeddedBroker
from oncofhir.demo.process import free_port
from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings
from tests.integration.consumers.worker_harness import publish, read_all, report

pytestmark = pytest.mark.anyio


async def test_publishing_says_where_each_record_lies_in_order(settings):
    resources = [report(f"r{n}") for n in range(250)]
    published = [p async for p in publish_resources(resources, settings.kafka)]
    assert [p.message.key for p in published] == [
        f"DiagnosticReport/r{n}".encode() for n in range(250)
    ]
    found = {
        (r.partition, r.offset): r
        for r in read_all(settings, settings.kafka.diagnostic_report_topic)
    }
    assert len(found) == 250
    for publication in published:
        record = found[publication.coordinates.partition, publication.coordinates.offset]
        assert (record.key, record.value) == (publication.message.key, publication.message.value)
        assert record.headers == [("content-type", b"application/fhir+json")]


async def test_a_message_that_is_too_large_is_rejected_and_others_go_on(settings):
    small = settings.kafka.model_copy(update={"max_request_bytes": 1_000})
    topic = small.outcome_topic
    async with Publisher(small) as publisher:
        with pytest.raises(RequestRejected) as caught:
            await publisher.publish([Message(topic, b"k", os.urandom(100_000))])
        assert caught.value.reason is Reason.BROKER_REJECTED
        (at,) = await publisher.publish([Message(topic, b"k", b"v")])
        assert at.topic == topic
        assert await publisher.publish([]) == ()
    assert [record.value for record in read_all(settings, topic)] == [b"v"]


async def test_a_producer_that_failed_takes_no_other_with_it(settings):
    """A broker that hangs fails hundreds of messages at once; the first failure gets us a new producer."""
    topic = settings.kafka.outcome_topic
    async with Publisher(settings.kafka) as publisher:
        await publisher.publish([Message(topic, b"k", b"1")])
        spoiled = publisher._producer
        publisher._translate_failure(KafkaTimeoutError(), spoiled)
        await publisher.publish([Message(topic, b"k", b"2")])
        healthy = publisher._producer
        assert healthy is not spoiled
        publisher._translate_failure(KafkaTimeoutError(), spoiled)
        await publisher.publish([Message(topic, b"k", b"3")])
        assert publisher._producer is healthy
    assert [record.value for record in read_all(settings, topic)] == [b"1", b"2", b"3"]


async def test_many_publish_side_by_side(settings):
    topic = settings.kafka.outcome_topic
    async with Publisher(settings.kafka) as publisher:
        batches = [
            [Message(topic, f"{n}".encode(), f"{n}.{i}".encode()) for i in range(5)]
            for n in range(50)
        ]
        await asyncio.gather(*(publisher.publish(batch) for batch in batches))
    records = read_all(settings, topic)
    assert len(records) == 250
    for n in range(50):
        own = [record.value.decode() for record in records if record.key == f"{n}".encode()]
        assert own == [f"{n}.{i}" for i in range(5)]


async def test_an_unreachable_broker_is_named():
    settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    with pytest.raises(DependencyUnavailable) as caught:
        _ = [p async for p in publish_messages([Message("t", b"k", b"v")], settings)]
    assert settings.bootstrap_servers in str(caught.value)
    with pytest.raises(DependencyUnavailable):
        await asyncio.to_thread(ensure_topics, settings)


async def test_topics_are_created_once(settings):
    again = await asyncio.to_thread(ensure_topics, settings.kafka, partitions=9)
    assert len(again) == 5
    assert not any(state.created for state in again)
    assert {state.partitions for state in again} == {4}


class OnTheWayError(Exception):
    pass


def test_the_broker_is_gone_after_an_error():
    pids = []

    def fail_with_a_broker():
        with EmbeddedBroker() as broker:
            pids.append(broker.pid)
            os.kill(broker.pid, 0)
            raise OnTheWayError

    with pytest.raises(OnTheWayError):
        fail_with_a_broker()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


async def test_a_record_with_neither_key_nor_value_is_a_dead_letter_and_replayed_as_it_was(
    settings,
):
    topic = settings.kafka.diagnostic_report_topic
    await publish(settings, [Message(topic, None, None, (("x", b"1"),))])
    (polled,) = read_all(settings, topic)
    assert (polled.key, polled.value) == (None, None)
    at = Coordinates(polled.topic, polled.partition, polled.offset)
    record = SourceRecord(
        at,
        AssignmentEpoch(topic, at.partition, 1),
        polled.timestamp,
        0.0,
        None,
        None,
        tuple(polled.headers),
    )
    failure = ReportFailure(Reason.UNEXPECTED, DECODE, 1)
    letters = settings.kafka.dead_letter_topic
    await publish(settings, [build_dead_letter(record, [failure], datetime.now(UTC), letters)])
    (letter,) = read_all(settings, letters)
    assert (letter.key, letter.value) == (None, None)
    assert parse_dead_letter(letter).reason == Reason.UNEXPECTED.value
    await publish(settings, [replay_message(letter, topic)])
    again = [r for r in read_all(settings, topic) if dict(r.headers).get("oncofhir-replays")]
    assert [(r.key, r.value, r.headers[0]) for r in again] == [(None, None, ("x", b"1"))]
