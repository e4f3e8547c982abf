"""Events that did not arrive are asked for at the FHIR server.

By number where the server counts events (`$status`, `$events`), else by a search for reports that were
updated since the time up to which all are known. Both may publish an event again; workers are idempotent.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from oncofhir.consumers.envelopes import subscription_notifications as notifications
from oncofhir.consumers.envelopes.decode import decode_content
from oncofhir.ingest.publishing.event_messages import event_message
from oncofhir.ingest.publishing.event_publisher import EventPublisher
from oncofhir.ingest.subscriptions.shared_run import SharedRun
from oncofhir.ingest.subscriptions.source import SubscriptionSource
from oncofhir.ingest.subscriptions.state import SubscriptionState, last_updated
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import ReportEvent
from oncofhir.settings import KafkaSettings

CATCH_UP = "catch-up"
# Clocks differ, and a transaction may become visible later than one that began after it.
_OVERLAP = timedelta(seconds=60)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # a server may say the year 1

log = structlog.get_logger(__name__)


class CatchUp:
    """Publishes what the FHIR server has and the bridge has not. A first search begins at `started`."""

    def __init__(
        self,
        source: SubscriptionSource,
        publisher: EventPublisher,
        settings: KafkaSettings,
        started: datetime | None = None,
    ) -> None:
        self._source = source
        self._publisher = publisher
        self._settings = settings
        self._started = started or datetime.now(UTC)
        self._searches: dict[str, SharedRun] = {}

    async def count_events(self, state: SubscriptionState) -> bool:
        """Learn how many events the server has sent. Return False if it does not count them.

        Raises:
            DependencyUnavailable, AccessDenied: according to the server's response.
        """
        latest = state.latest  # of before the count, which covers it
        count = await self._source.events_since_start(state.reference)
        if count is None:
            return False
        if state.numbers.contiguous is not None and count < state.numbers.contiguous:
            log.warning("the server counts events from 1 again", subscription=state.name)
            state.numbers.restart(count)
        else:
            state.numbers.announce(count)
        if latest is not None and next(state.numbers.missing(), None) is None:
            state.reach(min(latest, datetime.now(UTC)))
        return True

    async def publish_events(
        self, state: SubscriptionState, numbers: range
    ) -> frozenset[int] | None:
        """Publish past events. Return the numbers that the server had; None if it does not list events.

        Raises:
            DependencyUnavailable, AccessDenied, RequestRejected: the server or the broker is unavailable.
        """
        bundle = await self._source.events(state.reference, numbers)
        if bundle is None:
            return None
        try:
            status = notifications.status_of(bundle)
            await self._publish(state, decode_content(bundle, ()))
        except UnreadableReport as error:
            log.warning("past events cannot be read", reason=error.reason, subscription=state.name)
            return frozenset()
        return frozenset(status.event_numbers if status is not None else ()) & frozenset(numbers)

    async def search(self, state: SubscriptionState) -> None:
        """Publish the reports that were updated since the time up to which all are known.

        Calls while a search runs share the one that begins after it.

        Raises:
            DependencyUnavailable, AccessDenied, RequestRejected: the server or the broker is unavailable.
        """
        shared = self._searches.setdefault(state.name, SharedRun())
        await shared.run(lambda: self._search(state))

    async def _search(self, state: SubscriptionState) -> None:
        began = datetime.now(UTC)
        reached = state.updated or self._started
        since = max(reached, _EARLIEST) - _OVERLAP
        for query in await self._source.queries(state.reference):
            async for page in self._source.reports_since(query, since):
                events = [event for report in page for event in _events_of(report)]
                await self._publish(state, [e for e in events if not state.is_published(e)])
                reached = max([reached, *(last_updated(report) or reached for report in page)])
        # No further than its begin: a report may have been added behind a page, or carry a time to come.
        state.reach(min(reached, began))

    async def _publish(self, state: SubscriptionState, events: Sequence[ReportEvent]) -> None:
        if events:
            headers = state.headers()
            messages = [event_message(event, self._settings, headers=headers) for event in events]
            await self._publisher.publish(*messages, origin=CATCH_UP)
            state.note_published(events)


def _events_of(report: dict[str, Any]) -> Sequence[ReportEvent]:
    try:
        return decode_content(report, ())
    except UnreadableReport as error:
        log.warning("a report cannot be read", reason=error.reason, at=error.location)
        return ()
