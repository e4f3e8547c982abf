"""Reads files of HL7 v2 messages (`*.hl7`): one message, or several one after another, as in a batch file."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from oncofhir.fhir.hl7v2.charset import wide_encoding
from oncofhir.fhir.hl7v2.events import read_events
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings

_START = re.compile(rb"(?m)(?:(?<=[\r\n\x0b])|\A)MSH(?=[^A-Za-z0-9\s])")
_BATCH = re.compile(rb"(?:\A|(?<=[\r\n]))(?:BTS|FTS)[^A-Za-z0-9\s][^\r\n]*[\r\n]*")


class MessageReport(NamedTuple):
    """A report of a message, or why the message has none. `number` counts the messages from 1."""

    number: int
    resource: dict[str, Any] | None = None
    companions: tuple[dict[str, Any], ...] = ()
    error: Reason | None = None
    detail: str | None = None


def read_messages(raw: bytes, settings: Hl7v2Settings) -> Iterator[MessageReport]:
    """Yield the reports of every message of a file, in order. Batch headers and trailers are passed over."""
    for number, message in enumerate(_messages(raw), start=1):
        try:
            events = read_events(message, settings)
        except UnreadableReport as error:
            parts = (error.reason.value, error.location, error.detail)
            detail = ": ".join(part for part in parts if part)
            yield MessageReport(number, error=error.reason, detail=detail)
            continue
        for event in events:
            yield MessageReport(number, event.resource, event.companions)


def _messages(raw: bytes) -> list[bytes]:
    if wide_encoding(raw) is not None:
        return [raw]
    starts = [match.start() for match in _START.finditer(raw)]
    ends = [*starts[1:], len(raw)]
    found = [raw[start:end] for start, end in zip(starts, ends, strict=False)]
    return [_BATCH.sub(b"", message) for message in found] or [raw]
