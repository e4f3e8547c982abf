"""After an outage everything goes on, also where the first that is tried again says nothing of the dependency."""

import pytest

from oncofhir.schemas.errors import DependencyUnavailable, RequestRejected
from oncofhir.schemas.reasons import Reason
from tests.integration.consumers.workbench import (
    InstantProcessor,
    committed,
    message,
    publish,
    read_all,
    report,
    running,
    until,
)

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
        await until(lambda: worker._source.joined)
        processor.is_out = DependencyUnavailable(down, "http://dependency")
        await publish(settings, [message(settings, report(f"r{n}")) for n in range(_DOCUMENTS)])
        await until(lambda: worker._outages.open)
        processor.is_out, processor.is_back = None, True
        await until(lambda: worker._source.assignment.load == (0, 0))
        await until(lambda: not worker._outages.open)
    assert committed(settings) == _DOCUMENTS
    return processor


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
