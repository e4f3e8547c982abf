"""What the topics show: lag, dead letters, the last outcomes. Reads and commits nothing."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from oncofhir.consumers.dead_letters.store import parse_dead_letter
from oncofhir.consumers.kafka.bounded_reader import BoundedReader, bounded_reader
from oncofhir.consumers.kafka.committed_offsets import committed_offsets
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable, RequestRejected
from oncofhir.settings import KafkaSettings

LETTERS_SINCE = timedelta(hours=1)
LAST_OUTCOMES = 100


@dataclass(frozen=True)
class TopicView:
    """The topics of an installation. `problem` says why there is nothing else.

    `lag` counts records by topic that the group has not committed. `letters` counts dead letters of the
    last hour by reason, `outcomes` the last outcomes by status; `last_outcome` is the time of the newest.
    """

    problem: str | None = None
    lag: dict[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    letters: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    last_outcome: datetime | None = None


def view_topics(settings: KafkaSettings, now: datetime) -> TopicView:
    """Read the topics. Blocking. A broker that does not answer is a result."""
    try:
        committed = committed_offsets(settings)
        with bounded_reader(settings) as reader:
            return _view(reader, settings, committed, now)
    except (DependencyUnavailable, AccessDenied) as error:
        return TopicView(f"{error.reason.value} at {error.location or settings.bootstrap_servers}")


def _view(
    reader: BoundedReader,
    settings: KafkaSettings,
    committed: dict[tuple[str, int], int],
    now: datetime,
) -> TopicView:
    missing: list[str] = []
    unreadable: list[str] = []
    lag: dict[str, int] = {}
    records: dict[str, list[Any]] = {settings.dead_letter_topic: [], settings.outcome_topic: []}
    since = int((now - LETTERS_SINCE).timestamp() * 1000)
    readings = {
        settings.dead_letter_topic: lambda topic: reader.read_to_end(topic, since),
        settings.outcome_topic: lambda topic: reader.read_last(topic, LAST_OUTCOMES),
    }
    for topic in (*settings.input_topics, *readings):
        try:
            if topic in readings:
                records[topic] = list(readings[topic](topic))
            else:
                offsets = reader.offsets(topic)
                lag[topic] = sum(
                    max(0, end - max(begin, committed.get((topic, number), begin)))
                    for number, (begin, end) in offsets.items()
                )
        except RequestRejected:
            missing.append(topic)
        except AccessDenied:
            unreadable.append(topic)
    letters = (parse_dead_letter(record) for record in records[settings.dead_letter_topic])
    last = sorted(records[settings.outcome_topic], key=lambda r: r.timestamp)[-LAST_OUTCOMES:]
    return TopicView(
        lag=lag,
        missing=tuple(missing),
        unreadable=tuple(unreadable),
        letters=dict(Counter(letter.reason for letter in letters if letter is not None)),
        outcomes=dict(Counter(_statuses(last))),
        last_outcome=datetime.fromtimestamp(last[-1].timestamp / 1000, UTC) if last else None,
    )


def _statuses(records: Iterable[Any]) -> list[str]:
    found = []
    for record in records:
        try:
            row = json.loads(record.value or b"null")
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and isinstance(row.get("status"), str):
            found.append(row["status"])
    return found
