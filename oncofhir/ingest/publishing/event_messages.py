"""From report events to messages of the input topics: one message per report, keyed `Type/id`.

A key per resource keeps the versions of a report in one partition, in order.
"""

import json
from typing import Any

from oncofhir.consumers.kafka.publisher import Message
from oncofhir.consumers.publishing.report_publisher import CONTENT_TYPE
from oncofhir.schemas.event import REPORT_TYPES, Operation, ReportEvent
from oncofhir.settings import KafkaSettings

_STATUS_TYPES = {"SubscriptionStatus", "Parameters"}

Headers = tuple[tuple[str, bytes], ...]


def event_message(
    event: ReportEvent, settings: KafkaSettings, *, headers: Headers = (), backfill: bool = False
) -> Message:
    """Return the message of an event: its resource, or a Bundle with what came with it, or its reference.

    A deletion is a Bundle of type history with a DELETE. `backfill` selects the backfill topic where there
    is one.
    """
    topic = topic_of(event.source.type, settings, backfill=backfill)
    value = json.dumps(_content(event), separators=(",", ":")).encode()
    return Message(topic, event.source.unversioned.encode(), value, (CONTENT_TYPE, *headers))


def topic_of(report_type: str, settings: KafkaSettings, *, backfill: bool = False) -> str:
    """Return the input topic of a type of report."""
    if report_type == "DocumentReference":
        history = settings.document_reference_backfill_topic
        return history if backfill and history else settings.document_reference_topic
    history = settings.diagnostic_report_backfill_topic
    return history if backfill and history else settings.diagnostic_report_topic


def _content(event: ReportEvent) -> Any:
    if event.operation is Operation.DELETE:
        request = {"method": "DELETE", "url": str(event.source)}
        return {"resourceType": "Bundle", "type": "history", "entry": [{"request": request}]}
    if event.resource is None:
        return str(event.source)
    companions = [companion for companion in event.companions if not _is_other_event(companion)]
    meta = event.resource.get("meta")
    states_version = isinstance(meta, dict) and "versionId" in meta
    if not companions and (states_version or event.source.version is None):
        return event.resource
    report = {"resource": event.resource, "response": {"location": str(event.source)}}
    entries = [report, *({"resource": resource} for resource in companions)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _is_other_event(companion: dict[str, Any]) -> bool:
    """Return whether a companion is an event of its own, or the notification's status."""
    kind = companion.get("resourceType")
    return kind in REPORT_TYPES or kind in _STATUS_TYPES
