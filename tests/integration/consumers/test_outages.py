"""After an outage everything goes on, also where the first that is tried again says nothing of the dependency."""

import asyncio

import pytest

from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected
from oncofhir.schemas.reasons import Reason
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    committed,
    message,
    publish,
    read_all,
    report,
    running,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio
_DOCUMENTS = 12  # nothing else is published: no later success comes to their help


async def after_an_outage(settings, first_answer, down=Reason.MODEL_UNREACHABLE):
    """What was processed once the dependency is back; the first that is tried then fares as is said."""
    back = []

    def failing(event, attempt):
        if processor.is_back:
            back.append(event.source.id)
        return first_answer if len(back) == 1 else None

    processor = InstantProcessor(failing=failing)
    processor.is_back = False
    async with running(settings, processor) as worker:
        await until(lambda: worker.status.joined)
        processor.is_out = DependencyUnavailable(down, "http://dependency")
        await publish(settings, [message(settings, report(f"r{n}")) for n in range(_DOCUMENTS)])
        await until(lambda: worker.status.open_circuits)
        processor.is_out, processor.is_back = None, True
        await until(lambda: not worker.status.in_flight)
        await until(lambda: not worker.status.open_circuits)
    assert committed(settings) == _DOCUMENTS
    return processor


async def test_where_only_two_reports_come_the_probe_tells_that_the_store_is_out(settings):
    processor = InstantProcessor()
    async with running(settings, processor) as worker:
        await until(lambda: worker.status.ready().ok)
        processor.is_out = DependencyUnavailable(Reason.STORE_FAILED, "http://store")
        await publish(settings, [message(settings, report(f"r{n}")) for n in range(2)])
        await until(lambda: not worker.status.ready().ok)
        await until(lambda: worker._poll_thread.partitions_paused)
        processor.is_out = None
        await until(lambda: not worker.status.in_flight)
        await until(lambda: worker.status.ready().ok)
    assert committed(settings) == 2
    assert not read_all(settings, settings.kafka.dead_letter_topic)


async def test_one_report_that_the_store_chokes_on_stops_nothing(settings):
    """And where nothing else comes nobody can tell: it is tried on, and goes when others succeed."""
    failed = DependencyUnavailable(Reason.STORE_FAILED, "http://store")
    processor = InstantProcessor(
        failing=lambda event, attempt: failed if event.source.id == "odd" else None
    )
    async with running(settings, processor) as worker:
        await until(lambda: worker.status.ready().ok)
        await publish(settings, [message(settings, report("odd"))])
        await until(lambda: processor.attempts.get("DiagnosticReport/odd/_history/1", 0) >= 12)
        assert worker.status.ready().ok
        assert not read_all(settings, settings.kafka.dead_letter_topic)
        await publish(settings, [message(settings, report(f"r{n}")) for n in range(10)])
        await until(lambda: not worker.status.in_flight)
    assert len(processor.events) == 10
    (letter,) = read_all(settings, settings.kafka.dead_letter_topic)
    assert dict(letter.headers)["oncofhir-reason"] == b"store-failed"


async def test_a_dependency_that_flaps_kills_no_report(settings):
    down = DependencyUnavailable(Reason.STORE_UNREACHABLE, "http://store")
    processor = InstantProcessor(delay=0.05)
    total = 0

    async def flap():
        while True:
            processor.is_out = None if processor.is_out else down
            await asyncio.sleep(0.15)

    async with running(settings, processor) as worker:
        await until(lambda: worker.status.joined)
        flapping = asyncio.create_task(flap())
        for _ in range(25):
            names = [f"r{total + n}" for n in range(8)]
            await publish(settings, [message(settings, report(name)) for name in names])
            total += len(names)
            await asyncio.sleep(0.1)
        flapping.cancel()
        processor.is_out = None
        await until(lambda: not worker.status.in_flight)
    assert len({str(e.source) for e in processor.events}) == total
    assert not read_all(settings, settings.kafka.dead_letter_topic)


async def test_the_first_is_dead_lettered(settings):
    rejected = RequestRejected(Reason.STORE_REJECTED, "http://store")
    processor = await after_an_outage(settings, rejected, Reason.STORE_UNREACHABLE)
    assert len(processor.events) == _DOCUMENTS - 1
    assert len(read_all(settings, settings.kafka.dead_letter_topic)) == 1


async def test_the_first_finds_the_model_overloaded(settings):
    overloaded = DependencyUnavailable(Reason.MODEL_OVERLOADED, "http://model")
    processor = await after_an_outage(settings, overloaded)
    assert len(processor.events) == _DOCUMENTS
    assert not read_all(settings, settings.kafka.dead_letter_topic)
