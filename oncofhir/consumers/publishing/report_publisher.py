"""Publishes FHIR resources to the input topics, for `oncofhir publish` and the demo."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from oncofhir.consumers.kafka.publisher import Message, Publisher
from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.consumers.kafka.topics import refuse_missing_topics
from oncofhir.consumers.tracing.messaging import start_message_span, with_trace
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import KafkaSettings

CONTENT_TYPE = ("content-type", b"application/fhir+json")
_AT_A_TIME = 100


@dataclass(frozen=True)
class Publication:
    """A message for an input topic and its coordinates."""

    message: Message
    coordinates: Coordinates


def topic_for(resource: dict[str, Any], settings: KafkaSettings) -> str:
    """Return the input topic of a resource.

    A DocumentReference goes to its own; so does a Bundle whose only reports are DocumentReferences.
    Everything else goes to the topic of DiagnosticReports, where the worker reports what is wrong.
    """
    reports = {kind for kind in _resource_types(resource) if kind in _REPORTS}
    if reports == {"DocumentReference"}:
        return settings.document_reference_topic
    return settings.diagnostic_report_topic


_REPORTS = {"DiagnosticReport", "DocumentReference"}


def _resource_types(resource: dict[str, Any]) -> Iterator[str]:
    kind = resource.get("resourceType")
    if kind != "Bundle":
        if isinstance(kind, str):
            yield kind
        return
    entries = resource.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict):
            yield from _resource_types(inner)


def resource_message(
    resource: dict[str, Any], settings: KafkaSettings, raw: bytes | None = None
) -> Message:
    """Build the message of a resource, with the key `Type/id`, so that Kafka keeps its versions in order.

    `raw` is published unchanged; without it the resource is serialized as JSON.
    """
    kind, logical_id = resource.get("resourceType"), resource.get("id")
    key = f"{kind}/{logical_id}".encode() if logical_id else None
    value = raw if raw is not None else json.dumps(resource, separators=(",", ":")).encode()
    return Message(topic_for(resource, settings), key, value, (CONTENT_TYPE,))


def raw_message(raw: bytes, settings: KafkaSettings) -> Message:
    """Build the message of bytes that are not a resource, for the topic of DiagnosticReports."""
    return Message(settings.diagnostic_report_topic, None, raw, (CONTENT_TYPE,))


async def publish_messages(
    messages: Iterable[Message], settings: KafkaSettings, tracer: Tracer = NO_TRACING
) -> AsyncIterator[Publication]:
    """Publish messages and return the coordinates of each, in order, once all are acknowledged.

    Each message starts a trace, whose context is in its headers.

    Raises:
        SettingsError: a topic does not exist.
        DependencyUnavailable, AccessDenied, RequestRejected: the rest was not published; what came
            before the failing batch was.
    """
    remaining = iter(messages)
    there: set[str] = set()
    async with Publisher(settings) as publisher:
        while batch := list(islice(remaining, _AT_A_TIME)):
            if new := {message.topic for message in batch} - there:
                await asyncio.to_thread(refuse_missing_topics, new, settings)
                there |= new
            spans = [start_message_span(tracer, message.topic) for message in batch]
            traced = [with_trace(m, s.context) for m, s in zip(batch, spans, strict=True)]
            try:
                published = await publisher.publish(traced)
            except OncofhirError as error:
                for span in spans:
                    span.fail(error.reason.value)
                raise
            finally:
                for span in spans:
                    span.finish()
            for message, at in zip(traced, published, strict=True):
                yield Publication(message, at)


async def publish_resources(
    resources: Iterable[dict[str, Any]], settings: KafkaSettings
) -> AsyncIterator[Publication]:
    """`publish_messages` for resources."""
    messages = (resource_message(resource, settings) for resource in resources)
    async for publication in publish_messages(messages, settings):
        yield publication
