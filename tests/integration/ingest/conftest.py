<<<<<<< HEAD
"""A real embedded broker, and bridges in the test's own event loop, on real sockets."""

from tests.integration.consumers.conftest import (  # noqa: F401 - fixtures
    _sockets_of_the_kafka_client,
    anyio_backend,
    broker,
    settings,
)
=======
"""The embedded broker for the session."""

import pytest

from oncofhir.demo.broker import EmbeddedBroker


@pytest.fixture(scope="session")
def broker():
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def anyio_backend():
    return "asyncio"
>>>>>>> c2ae730 (oncofhir backfill files: Bulk Data files onto the backfill topics, resumable after any kill; the splitter of JSON files moves to fhir, because ingest reads them too)
