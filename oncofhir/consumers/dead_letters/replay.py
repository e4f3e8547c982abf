"""Publishes the records of dead letters again, in their documents' order, each letter once.

A record goes out before the note that it did: a crash between them publishes it twice, which the worker
takes as once (its identities are hashes). A record that fails again comes back as a new letter that
counts its replays; beyond a limit it is left alone, so that no letter goes round for ever.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from oncofhir.consumers.dead_letters.store import (
    DeadLetter,
    in_source_order,
    replay_message,
    replay_note,
)
from oncofhir.consumers.kafka.bounded_reader import BoundedReader
from oncofhir.consumers.kafka.publisher import Publisher

_AT_A_TIME = 20


class ReplayStatus(StrEnum):
    """What becomes of a letter when it is asked to be replayed."""

    REPLAY = "replay"
    REPLAYED = "already-replayed"
    TOO_OFTEN = "replayed-too-often"
    GONE = "gone"


@dataclass(frozen=True)
class ReplayResult:
    """A letter and what became of it."""

    letter: DeadLetter
    status: ReplayStatus


def replay_status(letter: DeadLetter, *, again: bool, limit: int) -> ReplayStatus:
    """Whether a letter is replayed: once, but for `again`; its record at most `most` times."""
    if letter.replays >= limit:
        return ReplayStatus.TOO_OFTEN
    if letter.replayed and not again:
        return ReplayStatus.REPLAYED
    return ReplayStatus.REPLAY


async def replay(
    letters: Sequence[DeadLetter],
    reader: BoundedReader,
    publisher: Publisher,
    dead_letter_topic: str,
    to: str | None = None,
) -> AsyncIterator[ReplayResult]:
    """Publish the records of letters to their source topics, or to `to`, and note that it was done.

    Kafka keeps the order of one key; records without a key may overtake each other, and the head decides.

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: the rest was not replayed.
    """
    for batch in _batches(in_source_order(letters)):
        done, messages = [], []
        for letter in batch:
            record = reader.read_one(dead_letter_topic, *letter.position)
            if record is None:
                yield ReplayResult(letter, ReplayStatus.GONE)
                continue
            done.append(letter)
            messages.append(replay_message(record, to or letter.topic))
        await publisher.publish(messages)
        if done:
            await publisher.publish([replay_note(done, dead_letter_topic)])
        for letter in done:
            yield ReplayResult(letter, ReplayStatus.REPLAY)


def _batches(letters: Sequence[DeadLetter]) -> list[list[DeadLetter]]:
    return [list(letters[n : n + _AT_A_TIME]) for n in range(0, len(letters), _AT_A_TIME)]
