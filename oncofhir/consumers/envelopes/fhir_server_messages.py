"""Messages of FHIR servers: HAPI and Smile CDR, LinuxForHealth.

Sources: field names of hapi-fhir's BaseResourceMessage and BaseResourceModifiedMessage; LinuxForHealth FHIR
Server User's Guide, "Notification service".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oncofhir.consumers.envelopes.context import Context, Open, Shape, operation_of
from oncofhir.consumers.envelopes.json_text import parse_nested
from oncofhir.fhir.elements import string
from oncofhir.fhir.references import literal_reference
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import Operation, ReportEvent
from oncofhir.schemas.reasons import Reason


def hapi(
    content: Mapping[str, Any], context: Context, open_inner: Open
) -> Sequence[ReportEvent] | None:
    """A message of HAPI's channel, with or without its outer headers; the resource is JSON in a string."""
    message = content.get("payload") if isinstance(content.get("payload"), dict) else content
    if not isinstance(message, dict) or "operationType" not in message:
        return None
    if (
        not {"payloadId", "resourceId", "messageKey", "payload"} & message.keys()
        or "location" in message
    ):
        return None
    reference = next(
        (
            text
            for name in ("payloadId", "resourceId", "messageKey")
            if (text := string(message, name, "payload")) is not None and literal_reference(text)
        ),
        None,
    )
    version = message.get("payloadVersion")
    if reference is not None and "/_history/" not in reference and isinstance(version, str):
        versioned = f"{reference}/_history/{version}"
        reference = versioned if literal_reference(versioned) is not None else reference
    inner = context.deeper(operation=operation_of(message["operationType"]), reference=reference)
    payload = message.get("payload")
    if inner.operation is Operation.DELETE or payload in (None, ""):
        return _by_reference(inner, open_inner)
    if isinstance(payload, str):
        payload = parse_nested(payload, "payload.payload")
    return open_inner(payload, inner)


def linuxforhealth(
    content: Mapping[str, Any], context: Context, open_inner: Open
) -> Sequence[ReportEvent] | None:
    """A notification event: its location is a versioned reference; the resource may be left out."""
    if "operationType" not in content or "location" not in content:
        return None
    inner = context.deeper(
        operation=operation_of(content["operationType"]),
        reference=string(content, "location", "notification"),
    )
    resource = content.get("resource")
    if inner.operation is Operation.DELETE or resource in (None, ""):
        return _by_reference(inner, open_inner)
    if isinstance(resource, str):  # as its Kafka publisher writes it
        resource = parse_nested(resource, "notification.resource")
    return open_inner(resource, inner)


SHAPES: tuple[Shape, ...] = (linuxforhealth, hapi)


def _by_reference(context: Context, open_inner: Open) -> Sequence[ReportEvent]:
    if context.reference is None:
        raise UnreadableReport(Reason.UNSUPPORTED_ENVELOPE, None, "names no resource")
    return open_inner(context.reference, context)
