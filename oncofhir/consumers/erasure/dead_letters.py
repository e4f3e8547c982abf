"""Finds the dead letters of one patient. The topic is not compacted: only its retention deletes them."""

import re
from collections.abc import Collection
from datetime import UTC, datetime

from oncofhir.consumers.kafka.bounded_reader import BoundedReader
from oncofhir.schemas.base import Value


class PatientDeadLetter(Value):
    """The position of a dead letter, as `oncofhir dead-letters show` takes it, and its time."""

    position: str
    time: datetime


def find_dead_letters(
    reader: BoundedReader, topic: str, patient: str, reports: Collection[str]
) -> tuple[PatientDeadLetter, ...]:
    """Find the records whose key or text names the patient or one of the patient's reports. Blocking.

    Text inside of base64 is not searched; a record of a known report is found by its key all the same.

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: as the broker answered.
    """
    named = re.compile(b"|".join(_pattern(reference) for reference in sorted({patient, *reports})))
    return tuple(
        PatientDeadLetter(
            position=f"{record.partition}:{record.offset}",
            time=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        )
        for record in reader.read_to_end(topic)
        if named.search(record.key or b"") or named.search(record.value or b"")
    )


def _pattern(reference: str) -> bytes:
    """Match a reference in a text, also with an escaped slash; not as the beginning of another id."""
    kind, _, ident = reference.partition("/")
    escaped = rf"(?<![A-Za-z]){re.escape(kind)}\\?/{re.escape(ident)}(?![A-Za-z0-9.\-])"
    return escaped.encode()
