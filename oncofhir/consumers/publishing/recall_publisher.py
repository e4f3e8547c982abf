"""Publishes the rows of recalled documents, where a broker is configured."""

from types import TracebackType
from typing import Self

from oncofhir.consumers.kafka.publisher import Publisher
from oncofhir.consumers.publishing.row_messages import own_headers, processed_messages
from oncofhir.schemas.outcome import Processed
from oncofhir.settings import KafkaSettings


class RecallPublisher:
    """Publishes rows and outcomes without an input record; does nothing without a broker."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self.publishes = "bootstrap_servers" in settings.model_fields_set
        self._publisher = Publisher(settings) if self.publishes else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._publisher is not None:
            await self._publisher.close()

    async def publish(self, processed: Processed) -> int:
        """Publish a document's rows and outcome. Return the number of acknowledged rows.

        Raises:
            DependencyUnavailable, AccessDenied, RequestRejected: as the broker answered.
        """
        if self._publisher is None:
            return 0
        await self._publisher.publish(processed_messages(processed, self._settings, own_headers()))
        return len(processed.rows)
