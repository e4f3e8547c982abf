"""A notification becomes events on the input topics, or is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from oncofhir.consumers.envelopes import subscription_notifications as notifications
from oncofhir.consumers.envelopes.decode import decode_content, parse_value
from oncofhir.consumers.kafka.publisher import Message
from oncofhir.consumers.publishing.report_publisher import CONTENT_TYPE
from oncofhir.consumers.tracing.messaging import with_trace
from oncofhir.fhir.references import literal_reference, relative_reference
from oncofhir.ingest.publishing.event_messages import event_message, topic_of
from oncofhir.ingest.publishing.event_publisher import EventPublisher
from oncofhir.ingest.subscriptions.catch_up import CatchUp
from oncofhir.ingest.subscriptions.state import SubscriptionState
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import REPORT_TYPES, Operation, ReportEvent
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.tracing.trace_context import TraceContext
from oncofhir.settings import KafkaSettings

NOTIFICATION = "notification"
_HANDSHAKE = "handshake"

log = structlog.get_logger(__name__)


class ForeignSubscription(Exception):
    """The notification belongs to a Subscription that is not accepted. The message names none."""


@dataclass(frozen=True)
class Notification:
    """A request to the endpoint of a Subscription. `reference` is the `Type/id` of the path, if any.

    `trace` is the sender's trace context; the records of its events carry it on.
    """

    name: str
    body: bytes = field(repr=False)
    content_type: str = ""
    reference: str | None = field(default=None, repr=False)
    deleted: bool = False
    trace: TraceContext | None = None


class Receiver:
    """Publishes what notifications announce. `receive` returns only once the broker has it.

    Without `catch_up`, notifications that name no report are refused.
    """

    def __init__(
        self,
        states: Mapping[str, SubscriptionState],
        publisher: EventPublisher,
        settings: KafkaSettings,
        catch_up: CatchUp | None,
    ) -> None:
        self._states = states
        self._publisher = publisher
        self._settings = settings
        self._catch_up = catch_up

    async def receive(self, notification: Notification) -> None:
        """Publish the events of a notification; handshakes and heartbeats have none.

        Raises:
            UnreadableReport: the body is not a notification that is read.
            ForeignSubscription: it belongs to another Subscription.
            RequestRejected, DependencyUnavailable, AccessDenied: the broker does not have the events, or
                the FHIR server cannot be asked for them.
        """
        state = self._states[notification.name]
        named = _named(notification)
        if named is None and not notification.body.strip():
            await self._search(state)  # R4 rest-hook without payload: something changed
        elif notification.deleted and named is not None:
            source = relative_reference(named)
            assert source is not None
            event = ReportEvent(operation=Operation.DELETE, source=source)
            await self._publish(state, [event], trace=notification.trace)
        else:
            await self._receive_content(state, notification, named)

    async def _receive_content(
        self, state: SubscriptionState, notification: Notification, named: str | None
    ) -> None:
        if not notification.body.strip():
            raise UnreadableReport(
                Reason.NOT_JSON,
                None,
                "the body is empty; the resource that the path names is expected",
            )
        content = parse_value(notification.body, "notification")
        status = notifications.status_of(content)
        if status is not None and not _is_expected(state, status):
            return
        numbers = status.event_numbers if status is not None else ()
        try:
            headers = [("content-type", notification.content_type.encode("latin-1", "replace"))]
            events = decode_content(content, headers)
        except UnreadableReport as error:
            if status is None or error.reason is not Reason.NOTIFICATION_WITHOUT_FOCUS:
                state.numbers.add(numbers)  # the server would send the same again
                raise
            await self._fetch(state, numbers)
            events = ()
        if named is not None and [event.source.unversioned for event in events] != [named]:
            raise UnreadableReport(
                Reason.INVALID_RESOURCE, None, "the body is not the resource that the path names"
            )
        await self._publish(state, events, notification.body, notification.trace)
        state.numbers.add(numbers)
        if status is not None and status.events_since_start is not None:
            state.numbers.announce(status.events_since_start)

    async def _publish(
        self,
        state: SubscriptionState,
        events: Sequence[ReportEvent],
        body: bytes | None = None,
        trace: TraceContext | None = None,
    ) -> None:
        """Publish events; a single one as the bytes that came, so that numbers keep their precision."""
        if not events:
            return
        headers = state.headers()
        if len(events) == 1 and body is not None:
            source = events[0].source
            topic, key = topic_of(source.type, self._settings), source.unversioned.encode()
            messages = [Message(topic, key, body, (CONTENT_TYPE, *headers))]
        else:
            messages = [event_message(event, self._settings, headers=headers) for event in events]
        traced = [with_trace(message, trace) for message in messages]
        await self._publisher.publish(*traced, origin=NOTIFICATION)
        state.note_published(events)

    async def _fetch(self, state: SubscriptionState, numbers: Sequence[int]) -> None:
        """Ask for the events of a notification that only counts them (payload type empty)."""
        if self._catch_up is None:
            raise _without_catch_up()
        found = None
        if numbers:
            asked = range(min(numbers), max(numbers) + 1)
            found = await self._catch_up.publish_events(state, asked)
        if not found:
            await self._search(state)

    async def _search(self, state: SubscriptionState) -> None:
        if self._catch_up is None:
            raise _without_catch_up()
        await self._catch_up.search(state)


def _named(notification: Notification) -> str | None:
    """Return the report that the path names.

    Raises:
        UnreadableReport: unsupported-resource-type, it names something else.
    """
    if notification.reference is None:
        return None
    source = relative_reference(notification.reference)
    if source is None or source.type not in REPORT_TYPES:
        raise UnreadableReport(Reason.UNSUPPORTED_RESOURCE_TYPE)
    return source.unversioned


def _is_expected(state: SubscriptionState, status: notifications.Status) -> bool:
    """Note what a notification says of its Subscription. Return whether it is one of this Subscription.

    Raises:
        ForeignSubscription: it has events of another Subscription.
    """
    stated = literal_reference(status.subscription) if status.subscription else None
    if stated is None or stated.unversioned != state.reference:
        if status.type in notifications.KEEPING_IN_TOUCH:
            # A server that assigns ids checks the endpoint before the id can be in the settings.
            log.warning(
                "a Subscription that is not in the settings keeps in touch",
                subscription=state.name,
                setting="ONCOFHIR_BRIDGE__SUBSCRIPTIONS",
            )
            return False
        raise ForeignSubscription(
            "the notification belongs to another Subscription than its endpoint: see "
            "ONCOFHIR_BRIDGE__SUBSCRIPTIONS"
        )
    if status.type == _HANDSHAKE and (status.events_since_start or 0) < (
        state.numbers.contiguous or 0
    ):
        state.numbers.restart(status.events_since_start or 0)
    return True


def _without_catch_up() -> UnreadableReport:
    remedy = "it names no report: set a payload, or ONCOFHIR_BRIDGE__CATCH_UP=true"
    return UnreadableReport(Reason.NOTIFICATION_WITHOUT_FOCUS, None, remedy)
