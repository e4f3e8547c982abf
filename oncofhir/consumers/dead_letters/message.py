"""A dead letter: the record as it was, byte for byte, with headers that say why it is here.

The added headers begin with `oncofhir-` and hold reason codes, numbers, times, element paths and addresses,
never content of the record. Headers that an earlier dead letter left are kept as the publisher's.

A record that is too large for the dead-letter topic, or that the broker refuses there, becomes a reference:
its coordinates, size and SHA-256 as JSON in place of the body, without the publisher's headers.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from oncofhir import __version__
from oncofhir.consumers.kafka.publisher import Message
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.schemas.reasons import Reason

DECODE = "decode"
PROCESS = "process"
MARK_OUTDATED = "mark-outdated"
OPERATOR = "operator"  # set aside with `oncofhir dead-letters add`
BACKFILL = "backfill"  # a line of a backfill's source, which never was in a topic
MLLP = "mllp"  # a message refused over MLLP, which never was in a topic
REPLAYS = "oncofhir-replays"  # on a replayed record: the number of its replays, this one included
TRACE_OF_FAILURE = "oncofhir-traceparent"  # the worker's span, where traces are on
STAGES = (DECODE, PROCESS, OPERATOR, BACKFILL, MLLP)
_MAX_HEADER_CHARACTERS = 500


@dataclass(frozen=True)
class ReportFailure:
    """Why one report of a record failed.

    `entry` counts from 0 in the order of the record's reports. `location` is an element path, a position in
    JSON or an address; `detail` explains the reason in codes and numbers. Neither holds content of the
    report.
    """

    reason: Reason
    stage: str
    attempts: int
    entry: int | None = None
    location: str | None = None
    detail: str | None = None


def build_dead_letter(
    record: SourceRecord,
    failures: Sequence[ReportFailure],
    first: datetime,
    topic: str,
) -> Message:
    """Build the dead letter of a record of which one or more reports failed.

    `first` is when it was first tried. Kafka allows headers without a value, which kafka-python cannot send:
    those become empty, and `oncofhir-null-headers` lists their positions, from 0.
    """
    absent = ",".join(str(n) for n, (_, value) in enumerate(record.headers) if value is None)
    untouched = tuple((name, value or b"") for name, value in record.headers)
    added = _added_headers(record, failures, first, {"oncofhir-null-headers": absent})
    return Message(topic, record.key, record.value, untouched + added)


def build_reference(
    record: SourceRecord,
    failures: Sequence[ReportFailure],
    first: datetime,
    topic: str,
) -> Message:
    """Build the dead letter of a record that cannot be published whole: a reference to it.

    Its key is the record's coordinates, so that a compacted topic accepts it too.
    """
    at = record.coordinates
    digest = hashlib.sha256(record.value or b"").hexdigest()
    reference = {
        "topic": at.topic,
        "partition": at.partition,
        "offset": at.offset,
        "bytes": len(record.value or b""),
        "sha256": digest,
    }
    more = {
        "oncofhir-body": "reference",
        "oncofhir-sha256": digest,
        "oncofhir-bytes": str(record.size),
    }
    replays = tuple((name, value or b"") for name, value in record.headers if name == REPLAYS)
    added = _added_headers(record, failures, first, more)
    return Message(topic, str(at).encode(), json.dumps(reference).encode(), replays + added)


def _added_headers(
    record: SourceRecord,
    failures: Sequence[ReportFailure],
    first: datetime,
    more: dict[str, str],
) -> tuple[tuple[str, bytes], ...]:
    at = record.coordinates
    main = failures[0]
    headers = {
        "oncofhir-reason": main.reason.value,
        "oncofhir-stage": main.stage,
        "oncofhir-location": main.location or "",
        "oncofhir-detail": main.detail or "",
        "oncofhir-entries": ",".join(str(f.entry) for f in failures if f.entry is not None),
        "oncofhir-attempts": str(max(f.attempts for f in failures)),
        "oncofhir-topic": at.topic,
        "oncofhir-partition": str(at.partition),
        "oncofhir-offset": str(at.offset),
        "oncofhir-timestamp": str(record.timestamp),
        "oncofhir-first-tried": _iso(first),
        "oncofhir-last-tried": _iso(datetime.now(UTC)),
        "oncofhir-version": __version__,
        **more,
    }
    return tuple(
        (name, value[:_MAX_HEADER_CHARACTERS].encode("utf-8", "replace"))
        for name, value in headers.items()
        if value
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
