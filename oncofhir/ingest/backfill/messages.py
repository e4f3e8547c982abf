"""Turns items into messages for the backfill topics, or states why an item is left out.

An item is decoded as the worker will decode it, so that a record that would become a dead letter there is
found here. Topic and key are those of a live event of the same report.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from oncofhir.consumers.dead_letters.message import (
    BACKFILL,
    ReportFailure,
    build_dead_letter,
)
from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.kafka.publisher import Message
from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, SourceRecord
from oncofhir.consumers.publishing.report_publisher import CONTENT_TYPE
from oncofhir.ingest.backfill.source import Item
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import Operation, ReportEvent
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings, SettingsError

# What a bulk export may hold in addition to reports; leaving it out is no fault.
EXPECTED = frozenset({Reason.UNSUPPORTED_RESOURCE_TYPE, Reason.NO_REPORT_IN_BUNDLE})
_DOCUMENT = "DocumentReference"
_SETTINGS = {
    "DiagnosticReport": "ONCOFHIR_KAFKA__DIAGNOSTIC_REPORT_BACKFILL_TOPIC",
    _DOCUMENT: "ONCOFHIR_KAFKA__DOCUMENT_REFERENCE_BACKFILL_TOPIC",
}
# R4 diagnostic-report-status and document-reference-status, R5 in addition: `modified`.
_STATUSES = frozenset(
    [
        *("registered", "partial", "preliminary", "modified", "final", "amended", "corrected"),
        *("appended", "cancelled", "entered-in-error", "unknown", "current", "superseded"),
    ]
)
_OTHER, _DELETED = "other", "deleted"
_FINGERPRINT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Prepared:
    """An item as a message, or the reason why it is left out; `kind` and `status` are for counts.

    `fingerprint` identifies a version of a report: 16 bytes of a hash.
    """

    item: Item
    message: Message | None = field(default=None, repr=False)
    kind: str | None = None
    status: str | None = None
    reason: Reason | None = None
    detail: str | None = None
    fingerprint: bytes = field(default=b"", repr=False)

    @property
    def is_broken(self) -> bool:
        """Whether it was left out although it should have been a report."""
        return self.reason is not None and self.reason not in EXPECTED


class BackfillTopics:
    """The backfill topics of the settings."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._topics = {
            "DiagnosticReport": settings.diagnostic_report_backfill_topic,
            _DOCUMENT: settings.document_reference_backfill_topic,
        }

    @property
    def types(self) -> tuple[str, ...]:
        """The resource types that have a backfill topic."""
        return tuple(kind for kind, topic in self._topics.items() if topic)

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(topic for topic in self._topics.values() if topic)

    def topic_of(self, kind: str) -> str:
        """Return the backfill topic of a resource type.

        Raises:
            SettingsError: the settings have none.
        """
        topic = self._topics[kind]
        if topic is None:
            raise SettingsError(
                f"there are {kind}s, and {_SETTINGS[kind]} is not set: set it for this command and for all "
                "workers, and create the topic with 'oncofhir topics ensure'"
            )
        return topic


def prepare(item: Item, topics: BackfillTopics | None) -> Prepared:
    """Decode an item and build its message; without topics there is no message.

    Raises:
        SettingsError: its type has no backfill topic.
    """
    if item.reason is not None:
        return Prepared(item, reason=item.reason, detail=item.detail)
    try:
        events = decode(item.raw, (), item.origin)
    except UnreadableReport as error:
        return Prepared(item, reason=error.reason, detail=error.detail)
    if not events:  # a tombstone or a heartbeat
        return Prepared(item, reason=Reason.NO_REPORT_IN_BUNDLE)
    if len(events) == 1 and events[0].unreadable is not None:
        return Prepared(item, reason=events[0].unreadable)
    kinds = {event.source.type for event in events}
    kind = _DOCUMENT if kinds == {_DOCUMENT} else "DiagnosticReport"
    message = None
    if topics is not None:
        message = Message(topics.topic_of(kind), _key(events), item.raw, (CONTENT_TYPE,))
    fingerprint = _fingerprint(events, item.raw)
    return Prepared(item, message, kind, _status(events[0]), fingerprint=fingerprint)


def _key(events: tuple[ReportEvent, ...]) -> bytes | None:
    """Return `Type/id` of the only report; records of several reports have no key, as live ones have none."""
    sources = {event.source.unversioned for event in events}
    return sources.pop().encode() if len(sources) == 1 else None


def _status(event: ReportEvent) -> str:
    """Return a status that is a code of FHIR: other words are not counted by name, they may be anything."""
    if event.operation is Operation.DELETE:
        return _DELETED
    status = (event.resource or {}).get("status")
    return status if isinstance(status, str) and status in _STATUSES else _OTHER


def _fingerprint(events: tuple[ReportEvent, ...], raw: bytes) -> bytes:
    event = events[0]
    if len(events) == 1 and event.source.version is not None:
        content = f"{event.operation} {event.source}".encode()
    else:  # without a version, its content distinguishes versions
        content = raw
    return hashlib.blake2b(content, digest_size=_FINGERPRINT_BYTES).digest()


def _location(item: Item) -> str:
    """Return the numbers of a position: names of files may name a patient."""
    numbers = {name: value for name, value in item.position.items() if isinstance(value, int)}
    return ", ".join(f"{name} {value}" for name, value in numbers.items())


def dead_letter(prepared: Prepared, number: int, settings: KafkaSettings, topic: str) -> Message:
    """Build the dead letter of a broken item. It never was in a topic: partition -1, offset `number`.

    Its replay goes to `topic`.
    """
    reason = prepared.reason or Reason.UNEXPECTED
    item, now = prepared.item, datetime.now(UTC)
    record = SourceRecord(
        Coordinates(topic, -1, number),
        AssignmentEpoch(topic, -1, 0),
        int(now.timestamp() * 1000),
        0.0,
        None,
        item.raw,
        (CONTENT_TYPE,),
    )
    failure = ReportFailure(reason, BACKFILL, 1, None, _location(item), prepared.detail)
    return build_dead_letter(record, [failure], now, settings.dead_letter_topic)
