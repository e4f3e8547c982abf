"""Apache Kafka and Apicurio Registry for the session. Without them the tests fail, they never skip."""

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from oncofhir.settings import KafkaSettings
from tests.apache_kafka.broker import ApacheKafka
from tests.integration.consumers.worker_harness import settings_for
from tests.schema_registry.apicurio import ApicurioRegistry


@pytest.fixture(scope="session")
def broker():
    with ApacheKafka() as running:
        yield running


@pytest.fixture(scope="session")
def registry():
    with ApicurioRegistry() as running:
        yield running


@pytest.fixture
def settings_with(broker):
    """Settings with topics of their own, and rows in Avro with the registry at an address."""

    def made(url, **kafka):
        given = settings_for(broker.address, row_format="avro", schema_registry_url=url, **kafka)
        ensure_topics(given.kafka, partitions=2)
        return given

    return made


@pytest.fixture
def settings(settings_with, registry):
    return settings_with(registry.url)


@pytest.fixture
def environment():
    """The environment of a command with these settings."""

    def of(kafka: KafkaSettings):
        names = kafka.model_fields_set - {"commit_interval_seconds"}
        return {f"ONCOFHIR_KAFKA__{name.upper()}": str(getattr(kafka, name)) for name in names}

    return of


@pytest.fixture
def anyio_backend():
    return "asyncio"
