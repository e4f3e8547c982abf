"""A notification becomes events on the input topics, or is refused."""

import time
from dataclasses import dataclass, field

from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.kafka.publisher import Message
from oncofhir.consumers.publishing.report_publisher import CONTENT_TYPE
from oncofhir.fhir.references import relative_reference
from oncofhir.ingest.publishing.event_messages import event_message, topic_of
from oncofhir.ingest.publishing.event_publisher import EventPublisher
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import REPORT_TYPES, Operation, ReportEvent
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings
from oncofhir.telemetry import ingest_metrics as m
from oncofhir.telemetry.metrics import Metrics

NOTIFICATION = "notification"


class ForeignSubscription(Exception):
    """The notification belongs to a Subscription that is not accepted. The message names none."""


@dataclass(frozen=True)
class Notification:
    """A request to the endpoint of a Subscription. `reference` is the `Type/id` of the path, if any."""

    name: str
    body: bytes = field(repr=False)
    content_type: str = ""
    reference: str | None = field(default=None, repr=False)
    deleted: bool = False


class Receiver:
    """Publishes what notifications announce. `receive` returns only once the broker has it."""

    def __init__(
        self, publisher: EventPublisher, settings: KafkaSettings, metrics: Metrics
    ) -> None:
        self._publisher = publisher
        self._settings = settings
        self._metrics = metrics

    async def receive(self, notification: Notification) -> None:
        """Publish the events of a notification; handshakes and heartbeats have none.

        Raises:
            UnreadableReport: the body is not a notification that is read.
            ForeignSubscription: it belongs to another Subscription.
            RequestRejected, DependencyUnavailable, AccessDenied: the broker does not have the events.
        """
        await self._publish(_messages(notification, self._settings))

    async def _publish(self, messages: list[Message]) -> None:
        if not messages:
            return
        began = time.monotonic()
        await self._publisher.publish(*messages)
        self._metrics.observe(m.INGEST_PUBLISH_SECONDS, time.monotonic() - began)
        for message in messages:
            self._metrics.count(m.INGESTED_EVENTS, message.topic, NOTIFICATION)


def _messages(notification: Notification, settings: KafkaSettings) -> list[Message]:
    named = relative_reference(notification.reference) if notification.reference else None
    if notification.reference and (named is None or named.type not in REPORT_TYPES):
        raise UnreadableReport(Reason.UNSUPPORTED_RESOURCE_TYPE)
    if notification.deleted and named is not None:
        deletion = ReportEvent(operation=Operation.DELETE, source=named)
        return [event_message(deletion, settings)]
    headers = [("content-type", notification.content_type.encode("latin-1"))]
    events = decode(notification.body, headers, "notification")
    if named is not None and [e.source.unversioned for e in events] != [named.unversioned]:
        raise UnreadableReport(
            Reason.INVALID_RESOURCE, None, "the body is not the resource that the path names"
        )
    if len(events) == 1:
        # The bytes as they came: numbers keep their precision.
        source = events[0].source
        topic, key = topic_of(source.type, settings), source.unversioned.encode()
        return [Message(topic, key, notification.body, (CONTENT_TYPE,))]
    return [event_message(event, settings) for event in events]
