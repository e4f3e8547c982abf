"""A real embedded broker, and bridges in the test's own event loop, on real sockets."""

from tests.integration.consumers.conftest import (  # noqa: F401 - fixtures
    _sockets_of_the_kafka_client,
    anyio_backend,
    broker,
    settings,
)
