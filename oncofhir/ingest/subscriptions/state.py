"""How far the events of a Subscription have come, and how that is kept: in the headers of its records."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from oncofhir.fhir.elements import instant
from oncofhir.ingest.publishing.event_messages import Headers
from oncofhir.ingest.subscriptions.event_numbers import EventNumbers
from oncofhir.schemas.event import ReportEvent

SUBSCRIPTION_HEADER = "oncofhir-subscription"
NUMBER_HEADER = "oncofhir-event-number"
UPDATED_HEADER = "oncofhir-last-updated"
_VERSIONS = 20_000


@dataclass
class SubscriptionState:
    """A Subscription that is accepted.

    `updated` is the `meta.lastUpdated` up to which all reports are known: a search begins there. A published
    report alone does not move it, because the notification of an earlier one may have been lost. `latest` is
    the latest `meta.lastUpdated` that was published.

    A restarted bridge continues where the headers of the records on the topics say: at the number up to
    which all events had arrived, and at `updated`.
    """

    name: str
    reference: str
    numbers: EventNumbers = field(default_factory=EventNumbers)
    updated: datetime | None = None
    latest: datetime | None = None
    _restored_from: int = field(default=-1, repr=False)
    _versions: "OrderedDict[str, None]" = field(default_factory=OrderedDict, repr=False)

    def headers(self) -> Headers:
        """Return the headers of the next record."""
        found = [(SUBSCRIPTION_HEADER, self.name)]
        if self.numbers.contiguous is not None:
            found.append((NUMBER_HEADER, str(self.numbers.contiguous)))
        if self.updated is not None:
            found.append((UPDATED_HEADER, self.updated.isoformat()))
        return tuple((name, text.encode()) for name, text in found)

    def restore(self, headers: Mapping[str, str], timestamp: int) -> None:
        """Continue at the position that the headers of a record state, if it is the latest such record.

        Not at the highest number: a server may have begun to count from 1 again. `timestamp` is the record's.
        """
        number = headers.get(NUMBER_HEADER, "")
        if number.isascii() and number.isdigit() and timestamp >= self._restored_from:
            self.numbers = EventNumbers(int(number))
            self._restored_from = timestamp
        self.reach(instant(headers.get(UPDATED_HEADER)))

    def note_published(self, events: Iterable[ReportEvent]) -> None:
        """Note events that the broker has, so that a search leaves them out."""
        for event in events:
            if event.resource is not None and event.source.version is not None:
                self._versions[str(event.source)] = None
                self.latest = _later(self.latest, last_updated(event.resource))
        while len(self._versions) > _VERSIONS:
            self._versions.popitem(last=False)

    def is_published(self, event: ReportEvent) -> bool:
        """Return whether this version was published lately."""
        return event.source.version is not None and str(event.source) in self._versions

    def reach(self, updated: datetime | None) -> None:
        """Note that all reports up to a time are known. An earlier time than before changes nothing."""
        self.updated = _later(self.updated, updated)


def last_updated(resource: Mapping[str, Any]) -> datetime | None:
    """Return `meta.lastUpdated` of a resource; None if it is absent or malformed."""
    meta = resource.get("meta")
    stated = meta.get("lastUpdated") if isinstance(meta, dict) else None
    return instant(stated) if isinstance(stated, str) else None


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)
