"""A real embedded broker and topics of its own for each test."""

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
