"""A record that stops the worker is set aside by an operator; the worker passes over it, and it is replayed later."""

import asyncio

import pytest

from oncofhir.schemas.errors import UnsuitableServer
from oncofhir.schemas.reasons import Reason
from tests.builders import CANARY
from tests.integration.consumers.test_dead_letters_command import run
from tests.integration.consumers.worker_harness import (
    InstantProcessor,
    Worker,
    committed,
    message,
    publish,
    read_all,
    report,
    running,
)
from tests.waiting import until

pytestmark = pytest.mark.anyio


def stops_at_bad(event, _):
    return UnsuitableServer(Reason.STORE_FHIR_VERSION) if event.source.id == "bad" else None


async def test_the_halt_names_the_record_and_the_remedy_helps(settings):
    placed = await publish(
        settings, [message(settings, report(name, note=CANARY)) for name in ("bad", "good")]
    )
    processor = InstantProcessor(failing=stops_at_bad)
    with pytest.raises(UnsuitableServer) as raised:
        await asyncio.wait_for(Worker(settings, processor).run(), 60)
    record = f"record: {placed[0]}"
    assert record in raised.value.__notes__
    assert f"oncofhir dead-letters add {placed[0]}" in raised.value.__notes__[-1]

    (added,) = await asyncio.to_thread(run, settings, "add", str(placed[0]))
    assert (added["topic"], added["partition"], added["offset"]) == placed[0]
    async with running(settings, processor):
        await until(lambda: committed(settings) == 2)
    assert {event.source.id for event in processor.events} == {"good"}
    (letter,) = await asyncio.to_thread(run, settings, "list")
    assert (letter["reason"], letter["stage"]) == ("set-aside", "operator")
    assert letter["remedy"]

    processor.failing = lambda *_: None
    await asyncio.to_thread(run, settings, "replay", "--reason", "set-aside")
    async with running(settings, processor):
        await until(lambda: "bad" in {event.source.id for event in processor.events})
    (row,) = (r for r in read_all(settings, settings.kafka.dead_letter_topic) if r.value)
    assert CANARY.encode() in row.value, "the record is kept as it was"


@pytest.mark.parametrize("offset", [7, 10**9])
async def test_a_record_that_is_not_there_is_not_set_aside(settings, offset):
    topic = settings.kafka.diagnostic_report_topic
    await asyncio.to_thread(lambda: run(settings, "add", f"{topic}/0/{offset}", status=1))
    assert not read_all(settings, settings.kafka.dead_letter_topic)


@pytest.mark.parametrize(
    "record", ["no.such/0/0", "topic", "topic/x/1", "a b/0/0", "t/99999999999/0"]
)
async def test_what_is_no_record_of_an_input_topic_is_wrong_usage(settings, record):
    await asyncio.to_thread(lambda: run(settings, "add", record, status=2))
