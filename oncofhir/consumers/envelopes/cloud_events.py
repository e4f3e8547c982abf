"""Cloud event formats: CloudEvents 1.0, Azure Event Grid, Google Pub/Sub.

Sources: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md;
https://learn.microsoft.com/azure/event-grid/event-schema-azure-health-data-services;
https://cloud.google.com/healthcare-api/docs/fhir-pubsub.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from oncofhir.consumers.envelopes.context import Context, Open, Shape, operation_of
from oncofhir.consumers.envelopes.json_text import is_json_object, parse_nested
from oncofhir.fhir.elements import child, string
from oncofhir.fhir.references import literal_reference
from oncofhir.fhir.release import unsupported_by_content_type
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import ReportEvent
from oncofhir.schemas.reasons import Reason

_PREFIX = "ce_"


def binary_mode(headers: Sequence[tuple[str, bytes]]) -> Context | None:
    """Read the CloudEvents headers of a record in binary mode, if it has them."""
    attributes = {
        name.lower().replace("ce-", _PREFIX, 1): value.decode("utf-8", "replace")
        for name, value in headers
    }
    if f"{_PREFIX}specversion" not in attributes:
        return None
    subject = attributes.get(f"{_PREFIX}subject")
    return Context().deeper(
        operation=operation_of(attributes.get(f"{_PREFIX}type")), reference=_subject(subject)
    )


def _subject(subject: str | None) -> str | None:
    """Return the reference in a subject; Azure puts the host before it."""
    if subject is None:
        return None
    tail = "/".join(subject.strip().split("/")[-2:])
    for text in (subject.strip(), tail):
        if literal_reference(text) is not None:
            return text
    return None


def structured(
    content: Mapping[str, Any], context: Context, open_inner: Open
) -> Sequence[ReportEvent] | None:
    """Decode a CloudEvent in structured mode; `data` or `data_base64` may be another envelope."""
    if "specversion" not in content:
        return None
    inner = context.deeper(
        operation=operation_of(content.get("type")),
        reference=_subject(string(content, "subject", "CloudEvent")),
    )
    declared = unsupported_by_content_type(string(content, "datacontenttype", "CloudEvent"))
    inner = replace(inner, unsupported=declared or inner.unsupported)
    if content.get("data_base64") is not None:
        return open_inner(_from_base64(content["data_base64"], "data_base64"), inner)
    data = content.get("data")
    if data is None and inner.reference is not None:
        return open_inner(inner.reference, inner)
    azure = _azure(data, inner)
    if azure is not None:
        return open_inner(azure, inner)
    return open_inner(_parsed(data), inner)


def event_grid(
    content: Mapping[str, Any], context: Context, open_inner: Open
) -> Sequence[ReportEvent] | None:
    """Decode an event in Azure's own schema: the same fields as in its CloudEvents, with other names."""
    if "eventType" not in content or not isinstance(content.get("data"), dict):
        return None
    inner = context.deeper(operation=operation_of(content["eventType"]))
    azure = _azure(content["data"], inner)
    return None if azure is None else open_inner(azure, inner)


def _azure(data: Any, context: Context) -> str | None:
    """Return the reference in Azure's data, which never contains the resource."""
    if not isinstance(data, dict) or "resourceFhirId" not in data:
        return None
    kind, ident = data.get("resourceType"), data.get("resourceFhirId")
    version = data.get("resourceVersionId")
    gone = context.operation.value == "delete"
    suffix = "" if version is None or gone else f"/_history/{version}"
    return f"{kind}/{ident}{suffix}"


def pubsub(
    content: Mapping[str, Any], context: Context, open_inner: Open
) -> Sequence[ReportEvent] | None:
    """Decode a Pub/Sub message from a connector: the name of the resource, or the resource, in base64."""
    message = content.get("message") if isinstance(content.get("message"), dict) else content
    if not isinstance(message, dict) or not isinstance(message.get("attributes"), dict):
        return None
    if "data" not in message:
        return None
    attributes = child(message, "attributes", "message") or {}
    inner = context.deeper(operation=operation_of(attributes.get("action")))
    data = _from_base64(message["data"], "message.data")
    if isinstance(data, str):  # projects/…/fhir/DiagnosticReport/123
        return open_inner(_subject(data) or data, inner)
    return open_inner(data, inner)


SHAPES: tuple[Shape, ...] = (structured, event_grid, pubsub)


def _from_base64(data: Any, path: str) -> Any:
    if not isinstance(data, str):
        raise UnreadableReport(Reason.UNSUPPORTED_ENVELOPE, path)
    try:
        text = base64.b64decode(data, validate=True).decode("utf-8-sig")
    except (binascii.Error, ValueError):
        raise UnreadableReport(Reason.UNSUPPORTED_ENVELOPE, path, "base64") from None
    return parse_nested(text, path) if is_json_object(text) else text


def _parsed(data: Any) -> Any:
    """Parse data that some producers write as JSON within a string."""
    if not isinstance(data, str) or not data.lstrip().startswith(("{", "[")):
        return data
    return parse_nested(data, "data")
