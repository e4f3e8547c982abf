"""Live records overtake history in a worker that has begun with it, and both lanes come to their end."""

from dataclasses import replace

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.consumers.source.priority import Priority
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    committed,
    message,
    publish,
    report,
    running,
    settings_for,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio
_HISTORY, _LIVE = 200, 50


def two_lanes(broker, **kafka):
    settings = settings_for(broker.address, history=True, **kafka)
    ensure_topics(settings.kafka, partitions=4)
    return settings


def messages(settings, name, count, topics):
    return [
        replace(message(settings, report(f"{name}{n}")), topic=topics[n % 2]) for n in range(count)
    ]


async def test_live_records_that_come_later_end_before_most_of_history(broker):
    settings = two_lanes(broker, max_in_flight_records=4, backfill_pause_above=2)
    kafka = settings.kafka
    await publish(settings, messages(settings, "old", _HISTORY, kafka.backfill_topics))
    processor = InstantProcessor(delay=0.05)
    async with running(settings, processor) as worker:
        source = worker._poll_thread
        await until(lambda: len(processor.events) >= 10)
        assert Priority.BACKFILL not in source.paused_priorities
        await publish(settings, messages(settings, "new", _LIVE, kafka.live_topics))
        await until(lambda: source.paused_priorities == {Priority.BACKFILL})
        assert (
            'oncofhir_consumption_paused{priority="backfill"} 1.0'
            in worker.status.render_metrics().decode()
        )
        await until(
            lambda: sum(e.source.id.startswith("new") for e in processor.events) == _LIVE,
            seconds=60,
        )
        done = [event.source.id[:3] for event in processor.events]
        await until(lambda: len(processor.events) == _HISTORY + _LIVE)
        await until(lambda: source.assignment.in_flight == (0, 0))
        assert source.joined
    assert done.count("old") < _HISTORY / 3
    # Those that had their places already, and what fits in while the other live partitions are fetched.
    assert done[done.index("new") :].count("old") <= 16
    for topic in kafka.live_topics:
        assert committed(settings, topic) == _LIVE // 2
    for topic in kafka.backfill_topics:
        assert committed(settings, topic) == _HISTORY // 2


async def test_a_document_in_both_lanes_is_worked_on_by_one_job_at_a_time(broker):
    settings = two_lanes(broker, backfill_pause_above=2)
    kafka = settings.kafka
    topics = (kafka.diagnostic_report_backfill_topic, kafka.diagnostic_report_topic)
    processor = InstantProcessor(delay=0.01)
    async with running(settings, processor):
        for version in range(1, 21):
            each = message(settings, report("same", version))
            await publish(settings, [replace(each, topic=topics[version % 2])])
        await until(lambda: len(processor.events) == 20)
    assert processor.most_at_once == 1


async def test_history_alone_is_read_and_goes_on_after_a_restart(broker):
    settings = two_lanes(broker)
    topics = settings.kafka.backfill_topics
    for name, count in (("old", 60), ("more", 20)):
        await publish(settings, messages(settings, name, count, topics))
        processor = InstantProcessor()
        async with running(settings, processor):
            await until(lambda: len(processor.events) == count)  # noqa: B023 - awaited right here
    assert [committed(settings, topic) for topic in topics] == [40, 40]


@pytest.mark.scenario
async def test_a_worker_that_joins_while_history_rests_finds_it_at_rest_and_all_is_done(broker):
    settings = two_lanes(broker, max_in_flight_records=4, backfill_pause_above=2)
    kafka = settings.kafka
    await publish(settings, messages(settings, "old", _HISTORY, kafka.backfill_topics))
    first, second = InstantProcessor(delay=0.05), InstantProcessor(delay=0.05)
    done = lambda: [e.source.id for e in first.events + second.events]  # noqa: E731
    async with running(settings, first) as one:
        await until(lambda: len(first.events) >= 10)
        await publish(settings, messages(settings, "new", 4 * _LIVE, kafka.live_topics))
        await until(lambda: one._poll_thread.paused_priorities == {Priority.BACKFILL})
        async with running(settings, second) as two:
            await until(lambda: two._poll_thread.assignment.partitions)
            await until(lambda: sum(n.startswith("new") for n in set(done())) == 4 * _LIVE, 60)
            assert sum(name.startswith("old") for name in set(done())) < _HISTORY
            await until(lambda: len(set(done())) == _HISTORY + 4 * _LIVE, 60)
            await until(
                lambda: (
                    one._poll_thread.assignment.in_flight == two._poll_thread.assignment.in_flight
                )
            )
            assert one.status.joined
            assert two.status.joined
    for topic in (*kafka.live_topics, *kafka.backfill_topics):
        wanted = 2 * _LIVE if topic in kafka.live_topics else _HISTORY // 2
        assert committed(settings, topic) == wanted
