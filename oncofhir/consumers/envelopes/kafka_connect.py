"""Kafka Connect: the value of JsonConverter with schemas.enable=true.

Source: https://kafka.apache.org/documentation/#connect_running, "JsonConverter"; the schema is
`{"type": "struct" | "string" | …, …}` next to the payload.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oncofhir.consumers.envelopes.context import Context, Open
from oncofhir.schemas.event import ReportEvent


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
    return [] if payload is None else open_inner(payload, context.deeper())
