"""Decodes a Kafka record into the reports that it announces.

FHIR does not define messages for Kafka, so each bridge wraps its events in its own way. Recognized: a
resource alone; a Bundle of any kind; subscription notifications (R4 backport, R4B and R5); messages of HAPI
and LinuxForHealth; CloudEvents, structured and binary; Azure Event Grid; Google Pub/Sub; Kafka Connect's
`{"schema", "payload"}`; change events of Debezium; JSON in a JSON string; a reference alone; an HL7 v2
message. Content is decoded again after each envelope, so envelopes may be nested.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from oncofhir.consumers.envelopes import bundles
from oncofhir.consumers.envelopes import cloud_events as cloud
from oncofhir.consumers.envelopes import fhir_server_messages as servers
from oncofhir.consumers.envelopes.context import MAX_NESTING, Context, event_from_resource
from oncofhir.consumers.envelopes.json_text import (
    DuplicateKeyError,
    is_json_object,
    parse,
    parse_nested,
)
from oncofhir.consumers.envelopes.kafka_connect import change_event, connect
from oncofhir.fhir.hl7v2.events import read_events
from oncofhir.fhir.hl7v2.message import is_message
from oncofhir.fhir.references import literal_reference
from oncofhir.fhir.release import unsupported_by_content_type
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import REPORT_TYPES, ReportEvent
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings

_CONTENT_TYPE = "content-type"
_MAX_DEPTH = 200  # of JSON; deeper nesting serves no purpose and would exhaust recursion later
# Confluent wire format: a zero byte and a schema ID of four bytes precede the serialized value
# (https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/).
_MAGIC_BYTE, _FRAMING_BYTES = 0, 5
# How content begins that is not UTF-8: RFC 1952, 2.3.1; the byte order marks of Unicode.
_ENCODINGS = ((b"\x1f\x8b", "gzip"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


def decode(
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    source: str,
    hl7v2: Hl7v2Settings | None = None,
) -> tuple[ReportEvent, ...]:
    """Return the reports that a record announces, in the order in which they are processed.

    `source` is the name of the topic or file, for error messages. A null value (tombstone) and a
    notification without events (handshake, heartbeat) announce none. Without `hl7v2` an
    HL7 v2 message is not read.

    Raises:
        UnreadableReport: empty-record, not-json, duplicate-json-keys, schema-registry-framing,
            not-a-resource, unsupported-envelope, unsupported-resource-type, no-report-in-bundle,
            notification-without-focus, missing-id, invalid-resource, and what
            `fhir.hl7v2.events.read_events` raises.
    """
    if value is None:
        return ()
    event = cloud.binary_mode(headers)
    if not value.strip():
        if event is None or event.reference is None:
            raise UnreadableReport(Reason.EMPTY_RECORD, source)
        return _deduplicate(_open_reference(event.reference, event))
    if hl7v2 is not None and is_message(value):
        return read_events(value, hl7v2)
    return decode_content(parse_value(value, source), headers)


def decode_content(content: Any, headers: Sequence[tuple[str, bytes]]) -> tuple[ReportEvent, ...]:
    """Return the reports that parsed JSON announces, as `decode` does."""
    event = cloud.binary_mode(headers)
    context = replace(event or Context(), unsupported=_unsupported(headers))
    return _deduplicate(_open(content, context))


def _unsupported(headers: Sequence[tuple[str, bytes]]) -> Reason | None:
    """Return the reason not to read the value that a `content-type` header gives, if any."""
    declared = (value.decode("latin-1") for name, value in headers if name.lower() == _CONTENT_TYPE)
    return next(filter(None, map(unsupported_by_content_type, declared)), None)


def _deduplicate(events: Sequence[ReportEvent]) -> tuple[ReportEvent, ...]:
    """Drop repeated events. A reference adds nothing to a resource of the same operation and version."""
    carried = {(e.operation, str(e.source)) for e in events if e.resource is not None}
    unique: dict[str, list[ReportEvent]] = {}
    kept: list[ReportEvent] = []
    for event in events:
        is_repeated = event.resource is None and (event.operation, str(event.source)) in carried
        of_source = unique.setdefault(str(event.source), [])
        if not is_repeated and event not in of_source:
            of_source.append(event)
            kept.append(event)
    return tuple(kept)


def parse_value(value: bytes, source: str) -> Any:
    """Parse a value: JSON in UTF-8, or a reference alone.

    Raises:
        UnreadableReport: not-json, duplicate-json-keys, schema-registry-framing.
    """
    if value[0] == _MAGIC_BYTE and len(value) >= _FRAMING_BYTES:
        raise UnreadableReport(
            Reason.SCHEMA_REGISTRY_FRAMING, source, "the value begins with byte 0"
        )
    try:
        text = value.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        detail = f"not UTF-8 at byte {error.start}"
        encoding = next((name for start, name in _ENCODINGS if value.startswith(start)), None)
        if encoding is not None:
            detail = f"{encoding}, not JSON in UTF-8"
        raise UnreadableReport(Reason.NOT_JSON, source, detail) from None
    try:
        content = parse(text)
    except json.JSONDecodeError as error:
        if literal_reference(text.strip()) is not None:
            return text.strip()
        detail = f"line {error.lineno} column {error.colno}"
        if text.lstrip().startswith("<"):
            detail = "XML, not JSON"
        raise UnreadableReport(Reason.NOT_JSON, source, detail) from None
    except DuplicateKeyError as error:
        raise UnreadableReport(Reason.DUPLICATE_JSON_KEYS, source, error.detail) from None
    except (ValueError, RecursionError) as error:
        raise UnreadableReport(Reason.NOT_JSON, source, type(error).__name__) from None
    if text.count("[") + text.count("{") > _MAX_DEPTH and _is_too_deep(content):
        raise UnreadableReport(Reason.NOT_JSON, source, "nested too deep")
    return content


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
    """Return the events of a piece of JSON, in whatever envelope."""
    if context.nesting > MAX_NESTING:
        raise UnreadableReport(Reason.UNSUPPORTED_ENVELOPE, None, "nested too deep")
    if isinstance(content, str):
        if is_json_object(content):
            return _open(parse_nested(content, "string"), context.deeper())
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
    for shape in (*cloud.SHAPES, *servers.SHAPES, connect, change_event):
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
