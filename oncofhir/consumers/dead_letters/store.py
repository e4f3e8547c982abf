"""Lists dead letters and builds the messages that replay them.

A replay is noted in the dead-letter topic itself, in an empty record whose header lists the positions of the
replayed letters (`partition:offset`). So the note outlives them, whatever the retention is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oncofhir.consumers.dead_letters.message import REPLAYS
from oncofhir.consumers.kafka.bounded_reader import BoundedReader
from oncofhir.consumers.kafka.publisher import Message
from oncofhir.schemas.base import Value

_REPLAYED = "oncofhir-replayed"  # on a note: the positions of the letters that were replayed
_REASON = "oncofhir-reason"  # the first of the headers that a dead letter adds

Position = tuple[int, int]


class DeadLetter(Value):
    """A dead letter without its content: its position, its record's coordinates, and what the headers say.

    `location` is an element path, a position in JSON or an address. `is_reference`: the record was too
    large to be copied, the letter holds its coordinates and `sha256`. `replays` counts the replays of the
    record before it was dead-lettered, `replayed` says whether this letter was replayed since. Sizes are
    bytes, times ISO 8601.
    """

    partition: int
    offset: int
    time: datetime
    topic: str
    source_partition: int
    source_offset: int
    reason: str
    stage: str
    attempts: int
    location: str | None = None
    detail: str | None = None
    entries: tuple[int, ...] = ()
    first_tried: str | None = None
    last_tried: str | None = None
    version: str | None = None
    size: int = 0
    replays: int = 0
    replayed: bool = False
    is_reference: bool = False
    sha256: str | None = None

    @property
    def position(self) -> Position:
        """Partition and offset in the dead-letter topic."""
        return (self.partition, self.offset)


@dataclass(frozen=True)
class Filter:
    """Selects letters. All conditions must hold; of several values of one condition, any.

    `since` is inclusive, `until` exclusive. Both refer to the letter's own timestamp.
    """

    reasons: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, letter: DeadLetter) -> bool:
        """Return whether a letter is selected."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.stages or letter.stage in self.stages)
            and (not self.topics or letter.topic in self.topics)
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
        )


@dataclass(frozen=True)
class DeadLetterListing:
    """The letters of a topic, replayed ones marked, and the number of records that are neither."""

    letters: tuple[DeadLetter, ...]
    foreign: int


def list_dead_letters(reader: BoundedReader, topic: str) -> DeadLetterListing:
    """Return all dead letters of a topic up to its end, in its order, without content. Blocking."""
    letters: list[DeadLetter] = []
    replayed: set[Position] = set()
    foreign = 0
    for record in reader.read_to_end(topic):
        letter = parse_dead_letter(record)
        if letter is not None:
            letters.append(letter)
        elif (noted := _parse_replay_note(record)) is not None:
            replayed |= noted
        else:
            foreign += 1
    marked = (
        letter.model_copy(update={"replayed": True}) if letter.position in replayed else letter
        for letter in letters
    )
    return DeadLetterListing(tuple(marked), foreign)


def parse_dead_letter(record: Any) -> DeadLetter | None:
    """Parse the headers of a record. Return None when it is not a dead letter of this service."""
    start = _first_added_header(record.headers)
    if start is None:
        return None
    ours = {
        name: (value or b"").decode("utf-8", "replace") for name, value in record.headers[start:]
    }
    try:
        return DeadLetter(
            partition=record.partition,
            offset=record.offset,
            time=datetime.fromtimestamp(record.timestamp / 1000, UTC),
            topic=ours["oncofhir-topic"],
            source_partition=int(ours["oncofhir-partition"]),
            source_offset=int(ours["oncofhir-offset"]),
            reason=ours[_REASON],
            stage=ours["oncofhir-stage"],
            attempts=int(ours["oncofhir-attempts"]),
            location=ours.get("oncofhir-location"),
            detail=ours.get("oncofhir-detail"),
            entries=tuple(int(n) for n in ours.get("oncofhir-entries", "").split(",") if n),
            first_tried=ours.get("oncofhir-first-tried"),
            last_tried=ours.get("oncofhir-last-tried"),
            version=ours.get("oncofhir-version"),
            size=int(ours.get("oncofhir-bytes", len(record.key or b"") + len(record.value or b""))),
            is_reference=ours.get("oncofhir-body") == "reference",
            sha256=ours.get("oncofhir-sha256"),
            replays=_replays(record.headers[:start]),
        )
    except (KeyError, ValueError):
        return None


def in_source_order(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Sort letters by the coordinates of their records: the order of each document's versions."""
    return sorted(letters, key=lambda x: (x.topic, x.source_partition, x.source_offset, x.position))


def replay_message(record: Any, topic: str, *, is_letter: bool = True) -> Message:
    """Build the message that replays the record of a dead letter.

    It is the record as it was, and a header that counts its replays. `is_letter` False: `record` is the
    original record, which a reference names. A header that had no value gets an empty one: kafka-python
    cannot send a header without a value.
    """
    start = _first_added_header(record.headers) if is_letter else None
    original = record.headers if start is None else record.headers[:start]
    kept = tuple((name, value or b"") for name, value in original if name != REPLAYS)
    count = (REPLAYS, str(_replays(original) + 1).encode())
    return Message(topic, record.key, record.value, (*kept, count))


def replay_note(letters: Iterable[DeadLetter], topic: str) -> Message:
    """Build the note that letters were replayed, for the dead-letter topic."""
    positions = ",".join(f"{letter.partition}:{letter.offset}" for letter in letters)
    return Message(topic, None, b"", ((_REPLAYED, positions.encode()),))


def _first_added_header(headers: Iterable[tuple[str, bytes | None]]) -> int | None:
    # The last one: headers of an earlier dead letter that was replayed by other means are the publisher's.
    numbers = [number for number, (name, _) in enumerate(headers) if name == _REASON]
    return numbers[-1] if numbers else None


def _replays(headers: Iterable[tuple[str, bytes | None]]) -> int:
    counts = [value or b"" for name, value in headers if name == REPLAYS]
    return max((int(c) for c in counts if c.isdigit() and len(c) < 10), default=0)  # noqa: PLR2004


def _parse_replay_note(record: Any) -> set[Position] | None:
    values = [value for name, value in record.headers if name == _REPLAYED]
    if len(values) != 1 or values[0] is None or record.value:
        return None
    return set(_parse_positions(values[0].decode("ascii", "replace")))


def _parse_positions(values: str) -> Iterator[Position]:
    for place in values.split(","):
        partition, _, offset = place.partition(":")
        if partition.isdigit() and offset.isdigit():
            yield int(partition), int(offset)
