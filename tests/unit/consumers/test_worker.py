"""What the worker holds of records whose partitions are gone by the time they arrive."""

import asyncio

import pytest

from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, SourceRecord
from oncofhir.consumers.worker import Worker
from oncofhir.settings import KafkaSettings, Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Unneeded:
    """A processor that is never asked."""

    async def check_dependencies(self):
        raise AssertionError

    process = check_dependencies


async def test_a_record_that_was_dropped_on_its_way_is_not_counted_as_unfinished():
    """The poll thread hands it over after Kafka's thread has told that its epoch ended."""
    worker = Worker(Settings(kafka=KafkaSettings()), Unneeded())
    assignment = worker._poll_thread.assignment
    assignment.assign([("topic", 0)])
    at = Coordinates("topic", 0, 7)
    epoch = assignment.track(at, 3)
    assert isinstance(epoch, AssignmentEpoch)
    record = SourceRecord(at, epoch, 0, 1.0, None, b"{}", ())
    worker._on_dropped(assignment.drop([("topic", 0)]))
    worker._on_records([record])
    taking_up = asyncio.create_task(worker._dispatch_records())
    async with asyncio.timeout(5):
        while worker.status.in_flight_since:  # noqa: ASYNC110
            await asyncio.sleep(0)
    taking_up.cancel()
    assert "oncofhir_oldest_in_flight_seconds 0.0" in worker.status.render_metrics().decode()
