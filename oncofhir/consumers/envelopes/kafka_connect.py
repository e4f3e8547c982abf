"""Kafka Connect: the value of JsonConverter with schemas.enable=true, also of a change event of Debezium.

JsonConverter writes a payload of the type `bytes` as base64. A change event has the row or document under
`after`, null for a deletion; without schemas the event stands alone.

Source: https://kafka.apache.org/documentation/#connect_running, "JsonConverter"; the schema is
`{"type": "struct" | "string" | …, …}` next to the payload.
"""

import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from oncofhir.consumers.envelopes.context import Context, Open
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import ReportEvent
from oncofhir.schemas.reasons import Reason


def connect(
    content: Mapping[str, Any], context: Context, open_inner: Open
) -> Sequence[ReportEvent] | None:
    """Open `{"schema": …, "payload": …}`. A null payload is a tombstone and announces nothing."""
    if content.keys() != {"schema", "payload"}:
        return None
    schema = content["schema"]
    if schema is not None and not (isinstance(schema, dict) and "type" in schema):
        return None
    payload = content["payload"]
    if isinstance(payload, str) and isinstance(schema, dict) and schema["type"] == "bytes":
        payload = _decoded(payload)
    return [] if payload is None else open_inner(payload, context.deeper())


def change_event(
    content: Mapping[str, Any], context: Context, open_inner: Open
) -> Sequence[ReportEvent] | None:
    """Open `{"before": …, "after": …, "op": …}`. What a deletion leaves announces nothing.

    Source: https://debezium.io/documentation/reference/stable/connectors/mongodb.html, "Change event values".
    """
    if not {"after", "op"} <= content.keys() or "resourceType" in content:
        return None
    after = content["after"]
    return [] if after is None else open_inner(after, context.deeper())


def _decoded(payload: str) -> str:
    try:
        return binascii.a2b_base64(payload, strict_mode=True).decode("utf-8-sig")
    except ValueError:
        raise UnreadableReport(
            Reason.UNSUPPORTED_ENVELOPE, "payload", "bytes that are not base64 of UTF-8"
        ) from None
