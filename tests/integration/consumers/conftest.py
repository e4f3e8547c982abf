"""A real embedded broker for the session, fresh topics for each test."""

import gc
import warnings
from collections.abc import Iterator

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.demo.broker import EmbeddedBroker
from tests.integration.consumers.worker_harness import settings_for


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
    """Collect what kafka-python leaves open here, so that it cannot fail another test.

    kafka-python 3.0.12 does not close the sockets of refused connections and of cancelled requests.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
