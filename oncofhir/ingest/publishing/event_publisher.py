"""Publishes events of the input topics, and says at once when the broker does not take them."""

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from oncofhir.consumers.kafka.publisher import Message, Publisher
from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.consumers.kafka.topics import refuse_missing_topics
from oncofhir.consumers.tracing.messaging import send_span
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import KafkaSettings
from oncofhir.telemetry import ingest_metrics as m
from oncofhir.telemetry.registry import Metrics

PUBLISH_SECONDS = 10.0
MAX_PENDING_BYTES = 64 * 2**20
_RETRY_SECONDS = 1.0


class EventPublisher:
    """Publishes with acks=all. A sender that retries may publish an event again: workers are idempotent.

    While the broker does not acknowledge, one event a second is tried and all others are refused at once, so
    that senders keep them. Events that wait for the broker are bounded by `max_pending_bytes`.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        timeout_seconds: float = PUBLISH_SECONDS,
        max_pending_bytes: int = MAX_PENDING_BYTES,
        metrics: Metrics | None = None,
        tracer: Tracer = NO_TRACING,
    ) -> None:
        self._settings = settings
        self._publisher = Publisher(settings)
        self._timeout = timeout_seconds
        self._max_pending_bytes = max_pending_bytes
        self._metrics = metrics
        self._tracer = tracer
        self._pending_bytes = 0
        self._pending: set[asyncio.Task[tuple[Coordinates, ...]]] = set()
        self._is_available = False
        self._next_trial = 0.0

    @property
    def is_available(self) -> bool:
        """Whether the broker acknowledged the event that was answered last, or was just connected to."""
        return self._is_available

    @property
    def pending_bytes(self) -> int:
        """Bytes of the events that the broker has not acknowledged yet."""
        return self._pending_bytes

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect to the broker.

        Raises:
            DependencyUnavailable, AccessDenied: it cannot be reached, or refuses the credentials.
        """
        await self._publisher.connect()
        self._is_available = True

    async def check_topics(self, topics: Sequence[str]) -> None:
        """Check that topics exist.

        Raises:
            SettingsError: a topic is missing; the message names it and the remedy.
            DependencyUnavailable, AccessDenied: the broker cannot be asked.
        """
        await asyncio.to_thread(refuse_missing_topics, topics, self._settings)

    async def publish(self, *events: Message, origin: str | None = None) -> tuple[Coordinates, ...]:
        """Publish events, in order within a topic and key. Return their coordinates once acknowledged.

        `origin` is how they came in, for the metrics; without one they are not counted.

        Raises:
            DependencyUnavailable: the broker did not acknowledge in time, is known to be unavailable, or too
                many events wait for it. Some of the events may have arrived.
            RequestRejected: broker-rejected, an event is too large.
            AccessDenied: the broker denies access to the topic, or refuses the credentials.
        """
        size = sum(len(event.key or b"") + len(event.value or b"") for event in events)
        self._admit(size)
        began = time.monotonic()
        with send_span(self._tracer, [event.topic for event in events], len(events)):
            coordinates = await self._acknowledged(events, size)
        if self._metrics is not None and origin is not None:
            self._metrics.observe(m.INGEST_PUBLISH_SECONDS, time.monotonic() - began)
            for topic, _, _ in coordinates:
                self._metrics.count(m.INGESTED_EVENTS, topic, origin)
        return coordinates

    async def close(self) -> None:
        """Wait a few seconds for events in flight, and close the producer."""
        await self._publisher.close()
        for publishing in self._pending:
            publishing.cancel()
        if self._pending:
            await asyncio.wait(self._pending)

    async def _acknowledged(self, events: Sequence[Message], size: int) -> tuple[Coordinates, ...]:
        publishing = asyncio.create_task(self._publisher.publish(events))
        self._pending_bytes += size
        self._pending.add(publishing)
        publishing.add_done_callback(lambda task: self._on_answer(task, size))
        # Not cancelled at the time limit: the client still holds the event, and its answer shows when the
        # broker is back.
        done, _ = await asyncio.wait({publishing}, timeout=self._timeout)
        if not done:
            self._mark_unavailable()
            raise self._unavailable("no acknowledgement in time")
        return publishing.result()

    def _admit(self, size: int) -> None:
        if self._pending and self._pending_bytes + size > self._max_pending_bytes:
            raise self._unavailable("too many events wait for the broker")
        now = asyncio.get_running_loop().time()
        if not self._is_available:
            if now < self._next_trial:
                raise self._unavailable("the broker did not acknowledge earlier events")
            self._next_trial = now + _RETRY_SECONDS

    def _on_answer(self, publishing: "asyncio.Task[tuple[Coordinates, ...]]", size: int) -> None:
        self._pending.discard(publishing)
        self._pending_bytes -= size
        if publishing.cancelled():
            return
        error = publishing.exception()
        if error is None:
            self._is_available = True
        elif isinstance(error, DependencyUnavailable):
            self._mark_unavailable()

    def _mark_unavailable(self) -> None:
        if self._is_available:
            self._is_available = False
            self._next_trial = asyncio.get_running_loop().time() + _RETRY_SECONDS

    def _unavailable(self, detail: str) -> DependencyUnavailable:
        address = self._settings.bootstrap_servers
        return DependencyUnavailable(Reason.BROKER_UNREACHABLE, address, detail, _RETRY_SECONDS)
