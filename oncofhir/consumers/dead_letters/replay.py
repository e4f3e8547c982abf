"""Publishes the records of dead letters again, in the order of their documents, each letter once.

A record is published before the note of its replay. A crash between the two publishes it twice, which the
worker deduplicates: processing is idempotent. A record that fails again becomes a new letter that counts its
replays; above a limit it is not replayed any more, so that no letter circulates for ever.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from oncofhir.consumers.dead_letters.store import (
    DeadLetter,
    in_source_order,
    replay_message,
    replay_note,
)
from oncofhir.consumers.kafka.bounded_reader import BoundedReader
from oncofhir.consumers.kafka.publisher import Message, Publisher
from oncofhir.schemas.errors import RequestRejected

_BATCH_SIZE = 20


class ReplayStatus(StrEnum):
    """What a replay does with a letter.

    `gone`: the letter, or the record that it refers to, was deleted. `too-large`: the record is larger than
    ONCOFHIR_KAFKA__MAX_REQUEST_BYTES. `rejected`: the broker does not take it, nearly always for its size.
    """

    REPLAY = "replay"
    REPLAYED = "already-replayed"
    TOO_OFTEN = "replayed-too-often"
    GONE = "gone"
    TOO_LARGE = "too-large"
    REJECTED = "rejected"


@dataclass(frozen=True)
class ReplayResult:
    """A letter and what the replay did with it."""

    letter: DeadLetter
    status: ReplayStatus


def replay_status(
    letter: DeadLetter, *, again: bool, limit: int, max_request_bytes: int
) -> ReplayStatus:
    """Decide whether a letter is replayed: once, unless `again`; its record `limit` times at most."""
    if letter.replays >= limit:
        return ReplayStatus.TOO_OFTEN
    if letter.replayed and not again:
        return ReplayStatus.REPLAYED
    if letter.is_reference and letter.size > max_request_bytes:
        return ReplayStatus.TOO_LARGE
    return ReplayStatus.REPLAY


async def replay(
    letters: Sequence[DeadLetter],
    reader: BoundedReader,
    publisher: Publisher,
    dead_letter_topic: str,
    to: str | None = None,
) -> AsyncIterator[ReplayResult]:
    """Publish the records of letters to their source topics, or to `to`, and note that it was done.

    Kafka keeps the order per key. Records without a key may overtake each other; the worker ignores older
    versions.

    Raises:
        DependencyUnavailable, AccessDenied: the rest was not replayed.
    """
    for batch in _batches(in_source_order(letters)):
        found: list[tuple[DeadLetter, Message]] = []
        for letter in batch:
            record = read_original(letter, reader, dead_letter_topic)
            if record is None:
                yield ReplayResult(letter, ReplayStatus.GONE)
                continue
            target = to or letter.topic
            message = replay_message(record, target, is_letter=not letter.is_reference)
            found.append((letter, message))
        results = await _publish(found, publisher)
        done = [each.letter for each in results if each.status is ReplayStatus.REPLAY]
        if done:
            await publisher.publish([replay_note(done, dead_letter_topic)])
        for result in results:
            yield result


async def _publish(
    messages: Sequence[tuple[DeadLetter, Message]], publisher: Publisher
) -> list[ReplayResult]:
    """Publish together; where the broker rejects one of them, one by one: the others are not held up."""
    try:
        await publisher.publish([message for _, message in messages])
    except RequestRejected:
        if len(messages) == 1:
            return [ReplayResult(messages[0][0], ReplayStatus.REJECTED)]
        return [result for each in messages for result in await _publish([each], publisher)]
    return [ReplayResult(letter, ReplayStatus.REPLAY) for letter, _ in messages]


def read_original(letter: DeadLetter, reader: BoundedReader, dead_letter_topic: str) -> Any | None:
    """Return the letter, or the record that it refers to; None when that was deleted. Blocking."""
    if not letter.is_reference:
        return reader.read_one(dead_letter_topic, *letter.position)
    record = reader.read_one(letter.topic, letter.source_partition, letter.source_offset)
    if record is None or hashlib.sha256(record.value or b"").hexdigest() != letter.sha256:
        return None
    return record


def _batches(letters: Sequence[DeadLetter]) -> list[list[DeadLetter]]:
    return [list(letters[n : n + _BATCH_SIZE]) for n in range(0, len(letters), _BATCH_SIZE)]
