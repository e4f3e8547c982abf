"""What the worker holds of records whose partitions are gone by the time they arrive."""

import asyncio

import pytest

from oncofhir.consumers.kafka.records import Coordinates, SourceRecord, Tenure
from oncofhir.consumers.worker import Worker
from oncofhir.settings import KafkaSettings, Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Unneeded:
    """A processor that is never asked."""

    async def ready(self):
        raise AssertionError

    process = ready


async def test_a_record_that_was_dropped_on_its_way_is_not_counted_as_unfinished():
    """The poll thread hands it over after Kafka's thread has told that its tenure ended."""
    worker = Worker(Settings(kafka=KafkaSettings()), Unneeded())
    assignment = worker._source.assignment
    assignment.assign([("topic", 0)])
    at = Coordinates("topic", 0, 7)
    tenure = assignment.start(at, 3)
    assert isinstance(tenure, Tenure)
    record = SourceRecord(at, tenure, 0, 1.0, None, b"{}", ())
    worker._on_dropped(assignment.drop([("topic", 0)]))
    worker._on_received([record])
    taking_up = asyncio.create_task(worker._take_up())
    async with asyncio.timeout(5):
        while worker.vitals.unfinished:  # noqa: ASYNC110
            await asyncio.sleep(0)
    taking_up.cancel()
    assert "oncofhir_oldest_in_flight_seconds 0.0" in worker.vitals.exposed().decode()
