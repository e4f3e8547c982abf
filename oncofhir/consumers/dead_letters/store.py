"""What an operator asks of dead letters: which there are, what each holds, which are to be tried again.

A letter that was replayed is noted in the dead-letter topic itself, in an empty record whose
header names the letters (`partition:offset`). So the note outlives them, whatever the retention is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oncofhir.consumers.kafka.bounded_reader import BoundedReader
from oncofhir.consumers.kafka.publisher import Message
from oncofhir.schemas.base import Value

REPLAYS = "oncofhir-replays"  # on a replayed record: how often it was replayed, this time included
_REPLAYED = "oncofhir-replayed"  # on a note: the letters that were replayed
_REASON = "oncofhir-reason"  # the first of the headers that a dead letter adds

Position = tuple[int, int]


class DeadLetter(Value):
    """A dead letter without its content: where it lies, where its record lay, and what we noted on it.

    `replays` is how often the record was replayed before it came here, `replayed` whether this letter
    was replayed since. Sizes are bytes; times ISO 8601.
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
    entries: tuple[int, ...] = ()
    first_tried: str | None = None
    last_tried: str | None = None
    version: str | None = None
    size: int = 0
    replays: int = 0
    replayed: bool = False

    @property
    def position(self) -> Position:
        """Where it lies in the dead-letter topic."""
        return (self.partition, self.offset)


@dataclass(frozen=True)
class Filter:
    """Which letters are meant. Of several conditions all hold; of several values of one, any.

    `since` is inclusive, `until` exclusive; both are of the letter's own time.
    """

    reasons: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, letter: DeadLetter) -> bool:
        """Whether a letter is meant."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.stages or letter.stage in self.stages)
            and (not self.topics or letter.topic in self.topics)
            and (self.since is None or letter.time >= self.since)
            and (self.until is None or letter.time < self.until)
        )


@dataclass(frozen=True)
class DeadLetterListing:
    """The letters of a topic, those that were replayed marked, and how many records were neither."""

    letters: tuple[DeadLetter, ...]
    foreign: int


def list_dead_letters(reader: BoundedReader, topic: str) -> DeadLetterListing:
    """All dead letters of a topic up to its end now, in its order; no content is kept. Blocks."""
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
    """What the headers of a polled record say; None when it is no dead letter of ours."""
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
            entries=tuple(int(n) for n in ours.get("oncofhir-entries", "").split(",") if n),
            first_tried=ours.get("oncofhir-first-tried"),
            last_tried=ours.get("oncofhir-last-tried"),
            version=ours.get("oncofhir-version"),
            size=len(record.key or b"") + len(record.value or b""),
            replays=_replays(record.headers[:start]),
        )
    except (KeyError, ValueError):
        return None


def in_source_order(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Letters as their records lay in the source: the order of each document's versions."""
    return sorted(letters, key=lambda x: (x.topic, x.source_partition, x.source_offset, x.position))


def replay_message(record: Any, topic: str) -> Message:
    """The record of a dead letter as it was, and a header that counts its replays.

    A header that had no value has an empty one: kafka-python cannot send any other.
    """
    start = _first_added_header(record.headers)
    original = record.headers[:start]
    kept = tuple((name, value or b"") for name, value in original if name != REPLAYS)
    count = (REPLAYS, str(_replays(original) + 1).encode())
    return Message(topic, record.key, record.value, (*kept, count))


def replay_note(letters: Iterable[DeadLetter], topic: str) -> Message:
    """The note that letters were replayed, for the dead-letter topic."""
    places = ",".join(f"{letter.partition}:{letter.offset}" for letter in letters)
    return Message(topic, None, b"", ((_REPLAYED, places.encode()),))


def _first_added_header(headers: Iterable[tuple[str, bytes | None]]) -> int | None:
    # The last one: an earlier dead letter's headers, replayed by other means, are the publisher's.
    numbers = [number for number, (name, _) in enumerate(headers) if name == _REASON]
    return numbers[-1] if numbers else None


def _replays(headers: Iterable[tuple[str, bytes | None]]) -> int:
    counts = [value or b"" for name, value in headers if name == REPLAYS]
    return max((int(c) for c in counts if c.isdigit() and len(c) < 10), default=0)  # noqa: PLR2004


def _parse_replay_note(record: Any) -> set[Position] | None:
    said = [value for name, value in record.headers if name == _REPLAYED]
    if len(said) != 1 or said[0] is None or record.value:
        return None
    return set(_parse_positions(said[0].decode("ascii", "replace")))


def _parse_positions(said: str) -> Iterator[Position]:
    for place in said.split(","):
        partition, _, offset = place.partition(":")
        if partition.isdigit() and offset.isdigit():
            yield int(partition), int(offset)
