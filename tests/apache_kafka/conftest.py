"""One Apache Kafka for the session, fresh topics for each test. Without it the tests fail, they never skip."""

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from tests.apache_kafka.broker import ApacheKafka
from tests.integration.consumers.worker_harness import settings_for


@pytest.fixture(scope="session")
def broker():
    with ApacheKafka() as running:
        yield running


@pytest.fixture
def settings(broker):
    made = settings_for(broker.address)
    ensure_topics(made.kafka, partitions=4)
    return made


@pytest.fixture
def anyio_backend():
    return "asyncio"
