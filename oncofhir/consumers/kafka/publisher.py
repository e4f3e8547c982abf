"""Publishes messages and waits for their acknowledgement without blocking the event loop."""

import asyncio
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Self

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.serializer import Serializer

from oncofhir.consumers.kafka.connection import client_options, connect, translate_error
from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.contracts.registry.row_encoder import RowEncoder
from oncofhir.schemas.errors import DependencyUnavailable, OncofhirError, RequestRejected
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings, RowFormat

DEAD_LETTER_HEADROOM = (
    64 * 1024
)  # bytes: a record of the largest size still fits with the headers of a dead letter
_DELIVERY_MS = 30_000
_REQUEST_MS = 10_000
_BLOCK_MS = 10_000
_CLOSE_SECONDS = 3.0
_AVRO = ("content-type", b"application/avro")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A message to publish. Key, value and headers may hold PHI and are kept out of `repr`."""

    topic: str
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


class _NullOrBytes(Serializer):  # type: ignore[misc]  # untyped base
    """Lets a record have neither key nor value. Kafka allows it; kafka-python checks before it serializes."""

    NULL = object()

    def serialize(self, topic: str, headers: Any, data: Any) -> Any:
        del topic, headers
        return None if data is self.NULL else data


class Publisher:
    """An idempotent producer for asyncio.

    Rows are given as JSON; where the settings want Avro they are encoded here, for whoever publishes them. A
    message may be published twice when the caller retries; rows are keyed and versioned for that. After
    an error that leaves the producer unusable, the next message gets a new producer.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None
        self._is_usable = False
        is_avro = settings.row_format is RowFormat.AVRO
        self._rows = RowEncoder.of(settings) if is_avro else None
        # One thread: `send` may block on metadata, and messages keep the order of the calls.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="oncofhir-publish")

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
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connected_producer)

    async def prepare_rows(self) -> None:
        """Learn from the schema registry how rows are encoded; nothing to do for JSON. Idempotent.

        Raises:
            DependencyUnavailable, AccessDenied, UnsuitableServer, SettingsError: as the registry.
        """
        if self._rows is not None and not self._rows.is_prepared:
            await asyncio.to_thread(self._rows.prepare)

    async def publish(self, messages: Sequence[Message]) -> tuple[Coordinates, ...]:
        """Publish messages, in order within a topic and key. Return their coordinates once acknowledged.

        Raises:
            DependencyUnavailable: the broker did not acknowledge in time; some messages may have arrived.
            RequestRejected: broker-rejected, a message is too large.
            AccessDenied: the broker denies access to the topic, or refuses the credentials.
            UnsuitableServer, SettingsError: as `prepare_rows`, where that was not called.
        """
        if not messages:
            return ()
        if self._rows is not None:
            messages = await self._in_avro(messages, self._rows)
        loop = asyncio.get_running_loop()
        acknowledged: asyncio.Future[list[Any]] = loop.create_future()
        acknowledged.add_done_callback(
            _retrieve_exception
        )  # the caller may be cancelled before it awaits this
        topics = {message.topic for message in messages}
        if (
            self._is_usable
            and self._producer is not None
            and _knows_partitions(self._producer, topics)
        ):
            # The client knows their partitions: `send` does not block on metadata.
            producer = self._send(messages, loop, acknowledged)
        else:
            producer = await loop.run_in_executor(
                self._thread, self._send, messages, loop, acknowledged
            )
            self._is_usable = True  # an unusable producer was discarded by work queued before
        try:
            answers = await acknowledged
        except KafkaError as error:
            raise self._translate_failure(error, producer) from error
        return tuple(Coordinates(a.topic, a.partition, a.offset) for a in answers)

    async def close(self) -> None:
        """Wait a few seconds for messages in flight, and close the producer."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close_producer)
        self._thread.shutdown(wait=False)

    async def _in_avro(self, messages: Sequence[Message], rows: RowEncoder) -> Sequence[Message]:
        """Encode the rows; other messages, and tombstones, stay as they are."""
        if not any(rows.encodes(message.topic) for message in messages):
            return messages
        await self.prepare_rows()
        return [
            replace(
                message,
                value=rows.encode(message.topic, message.value),
                headers=tuple(_AVRO if h[0] == _AVRO[0] else h for h in message.headers),
            )
            if message.value is not None and rows.encodes(message.topic)
            else message
            for message in messages
        ]

    def _translate_failure(self, error: KafkaError, producer: KafkaProducer) -> OncofhirError:
        ours = translate_error(error, self._settings)
        if not isinstance(ours, RequestRejected):
            # An idempotent producer that has lost its sequence numbers refuses everything from then on.
            self._is_usable = False
            self._thread.submit(self._discard, producer)
        return ours

    # Everything below runs on the publishing thread (`_send` also in the loop), callbacks on kafka-python's.

    def _connected_producer(self) -> KafkaProducer:
        if self._producer is None:
            self._producer = connect(
                KafkaProducer,
                self._settings,
                **client_options(self._settings, "publisher"),
                enable_idempotence=True,
                acks="all",
                delivery_timeout_ms=_DELIVERY_MS,
                request_timeout_ms=_REQUEST_MS,
                max_block_ms=_BLOCK_MS,
                max_request_size=self._settings.max_request_bytes + DEAD_LETTER_HEADROOM,
                allow_auto_create_topics=False,
                compression_type="lz4",
                value_serializer=_NullOrBytes(),
                metrics_enabled=False,
            )
        return self._producer

    def _send(
        self,
        messages: Sequence[Message],
        loop: asyncio.AbstractEventLoop,
        acknowledged: "asyncio.Future[list[Any]]",
    ) -> KafkaProducer:
        answers: list[Any] = [None] * len(messages)
        missing = len(messages)

        def finish(error: BaseException | None) -> None:
            if acknowledged.done():
                return
            if error is None:
                acknowledged.set_result(answers)
            else:
                acknowledged.set_exception(error)

        def arrived(number: int, answer: Any) -> None:
            nonlocal missing
            answers[number] = answer
            missing -= 1
            if not missing:
                _call_in_loop(loop, finish, None)

        def failed(error: BaseException) -> None:
            _call_in_loop(loop, finish, error)

        producer = self._producer or self._connected_producer()
        try:
            for number, message in enumerate(messages):
                is_null = message.key is None and message.value is None
                sent = producer.send(
                    message.topic,
                    key=message.key,
                    value=_NullOrBytes.NULL if is_null else message.value,
                    headers=list(message.headers),
                )
                sent.add_callback(arrived, number)
                sent.add_errback(failed)
        except KafkaError as error:
            failed(error)
        except (TypeError, ValueError) as error:
            raise self._client_refusal(error, producer, messages) from None
        return producer

    def _client_refusal(
        self, error: Exception, producer: KafkaProducer, messages: Sequence[Message]
    ) -> OncofhirError:
        """Translate a refusal by the client itself, also when the partitions became unknown in between."""
        if not _knows_partitions(producer, {message.topic for message in messages}):
            address = self._settings.bootstrap_servers
            return DependencyUnavailable(
                Reason.BROKER_UNREACHABLE, address, "the partitions of the topic are unknown"
            )
        return RequestRejected(Reason.BROKER_REJECTED, None, f"{type(error).__name__} in send")

    def _discard(self, spoiled: KafkaProducer) -> None:
        """Close an unusable producer. Called for each of its messages that fails; the first call counts."""
        if self._producer is spoiled:
            self._close_producer()

    def _close_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                producer.close(timeout=_CLOSE_SECONDS)
            except KafkaError as error:
                log.warning("closing the producer failed", error=type(error).__name__)
                _force_close(producer)


def _force_close(producer: KafkaProducer) -> None:
    """End the sender of a producer whose `close` raised before it got that far."""
    sender = getattr(producer, "_sender", None)
    if sender is not None:
        sender.force_close()
    producer._closed = True  # noqa: SLF001 - else its finalizer tries, and complains, again


def _knows_partitions(producer: KafkaProducer, topics: Collection[str]) -> bool:
    """Return whether the client knows the partitions of all topics; a broker restart may clear them."""
    metadata = producer._metadata  # noqa: SLF001 - `partitions_for` waits where it does not know
    return all(metadata.partitions_for_topic(topic) is not None for topic in topics)


def _retrieve_exception(acknowledged: "asyncio.Future[list[Any]]") -> None:
    if not acknowledged.cancelled():
        acknowledged.exception()


def _call_in_loop(loop: asyncio.AbstractEventLoop, callback: Any, *arguments: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback, *arguments)
