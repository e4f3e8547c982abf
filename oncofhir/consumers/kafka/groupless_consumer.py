"""Consumers that belong to no consumer group and commit nothing, and their errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from oncofhir.consumers.kafka.connection import client_options, connect, translate_error
from oncofhir.settings import KafkaSettings


def groupless_consumer(settings: KafkaSettings, client: str, **options: Any) -> KafkaConsumer:
    """Return a consumer that has reached the broker; `client` names it in the broker's log. Blocking.

    Raises:
        DependencyUnavailable, AccessDenied: the broker cannot be reached, or refuses the credentials.
    """
    return connect(
        KafkaConsumer,
        settings,
        **client_options(settings, client),
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        metrics_enabled=False,
        **options,
    )


@contextmanager
def translating(settings: KafkaSettings) -> Iterator[None]:
    """Raise errors of kafka-python as those of the service; others pass."""
    try:
        yield
    except KafkaError as error:
        raise translate_error(error, settings) from error
