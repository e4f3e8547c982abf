"""A real embedded broker for the session, fresh topics for each test."""

from collections.abc import Iterator

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from tests.integration.consumers.worker_harness import settings_for
from tests.topic_records import collect_sockets


@pytest.fixture(scope="session")
def broker():
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def settings(broker):
    made = settings_for(broker.address)
    ensure_topics(made.kafka, partitions=4)
    return made


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def _sockets_of_the_kafka_client() -> Iterator[None]:
    yield
    collect_sockets()
