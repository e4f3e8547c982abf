"""From a Kafka record to the reports it announces.

Kafka is no part of FHIR, so each bridge wraps its events in its own way. Recognised: a bare resource; a
Bundle of any kind; subscription notifications (R4 backport, R4B and R5); HAPI's and LinuxForHealth's
messages; CloudEvents, structured and binary; Azure Event Grid; Google Pub/Sub; a reference alone. What was
unwrapped is looked at again, so envelopes may stand in one another.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from oncofhir.consumers.envelopes import bundles
from oncofhir.consumers.envelopes import cloud_events as cloud
from oncofhir.consumers.envelopes import fhir_server_messages as servers
from oncofhir.consumers.envelopes.context import MAX_NESTING, Context, event_from_resource
from oncofhir.fhir.references import literal_reference
from oncofhir.fhir.release import unsupported_by_content_type
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import REPORT_TYPES, ReportEvent
from oncofhir.schemas.reasons import Reason

_CONTENT_TYPE = "content-type"
_MAX_DEPTH = 200  # of JSON; deeper nesting serves no purpose and exhausts recursion further on


def decode(
    value: bytes | None, headers: Sequence[tuple[str, bytes]], source: str
) -> tuple[ReportEvent, ...]:
    """The reports that a record announces, in the order in which they are to be processed.

    `source` is the topic's or file's name, for error messages. A null value (tombstone) and a
    notification that only keeps in touch (handshake, heartbeat) announce none.

    Raises:
        UnreadableReport: empty-record, not-json, not-a-resource, unsupported-envelope,
            unsupported-resource-type, no-report-in-bundle, notification-without-focus, missing-id,
            invalid-resource.
    """
    if value is None:
        return ()
    event = cloud.binary_mode(headers)
    if not value.strip():
        if event is None or event.reference is None:
            raise UnreadableReport(Reason.EMPTY_RECORD, source)
        return _deduplicate(_open_reference(event.reference, event))
    context = replace(event or Context(), unsupported=_unsupported(headers))
    return _deduplicate(_open(_parse_json(value, source), context))


def _unsupported(headers: Sequence[tuple[str, bytes]]) -> Reason | None:
    """What a `content-type` header, of CloudEvents or not, says against reading the value."""
    declared = (value.decode("latin-1") for name, value in headers if name.lower() == _CONTENT_TYPE)
    return next(filter(None, map(unsupported_by_content_type, declared)), None)


def _deduplicate(events: Sequence[ReportEvent]) -> tuple[ReportEvent, ...]:
    """Each announcement once; a reference adds nothing to a resource that says the same."""
    carried = {(e.operation, str(e.source)) for e in events if e.resource is not None}
    unique: list[ReportEvent] = []
    for event in events:
        said_already = event.resource is None and (event.operation, str(event.source)) in carried
        if not said_already and event not in unique:
            unique.append(event)
    return tuple(unique)


def _parse_json(value: bytes, source: str) -> Any:
    try:
        text = value.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableReport(
            Reason.NOT_JSON, source, f"not UTF-8 at byte {error.start}"
        ) from None
    try:
        content = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        if literal_reference(text.strip()) is not None:
            return text.strip()
        raise UnreadableReport(
            Reason.NOT_JSON, source, f"line {error.lineno} column {error.colno}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise UnreadableReport(Reason.NOT_JSON, source, type(error).__name__) from None
    if text.count("[") + text.count("{") > _MAX_DEPTH and _is_too_deep(content):
        raise UnreadableReport(Reason.NOT_JSON, source, "nested too deep")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _is_too_deep(content: Any) -> bool:
    level = [content]
    for _ in range(_MAX_DEPTH):
        level = [inner for outer in level for inner in _nested_values(outer)]
        if not level:
            return False
    return True


def _nested_values(content: Any) -> Iterator[Any]:
    values = content.values() if isinstance(content, dict) else content
    return (v for v in values if isinstance(v, dict | list))


def _open(content: Any, context: Context) -> Sequence[ReportEvent]:
    """What a piece of JSON announces, whatever envelope it is."""
    if context.nesting > MAX_NESTING:
        raise UnreadableReport(Reason.UNSUPPORTED_ENVELOPE, None, "nested too deep")
    if isinstance(content, str):
        return _open_reference(content, context)
    if isinstance(content, list) and content:
        return [event for inner in content for event in _open(inner, context.deeper())]
    if not isinstance(content, dict):
        raise UnreadableReport(Reason.NOT_A_RESOURCE)
    kind = content.get("resourceType")
    if kind == "Bundle":
        return bundles.events(content, context, _open)
    if kind in REPORT_TYPES:
        return [event_from_resource(content, context)]
    if isinstance(kind, str) and kind:
        name = kind if kind.isascii() and kind.isalpha() and len(kind) <= 64 else None  # noqa: PLR2004
        raise UnreadableReport(Reason.UNSUPPORTED_RESOURCE_TYPE, None, name)
    return _open_message(content, context)


def _open_message(content: Mapping[str, Any], context: Context) -> Sequence[ReportEvent]:
    for shape in (*cloud.SHAPES, *servers.SHAPES):
        events = shape(content, context, _open)
        if events is not None:
            return events
    reference = content.get("reference")
    if isinstance(reference, str):
        return _open_reference(reference, context)
    raise UnreadableReport(Reason.NOT_A_RESOURCE)


def _open_reference(text: str, context: Context) -> Sequence[ReportEvent]:
    named = literal_reference(text.strip())
    if named is None:
        raise UnreadableReport(Reason.NOT_A_RESOURCE)
    if named.type not in REPORT_TYPES:
        raise UnreadableReport(Reason.UNSUPPORTED_RESOURCE_TYPE, None, named.type)
    return [ReportEvent(operation=context.operation, source=named)]
