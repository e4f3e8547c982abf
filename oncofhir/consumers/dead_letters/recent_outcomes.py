"""Reads from the outcome topic, after a restart, how the last reports ended.

Without the number of consecutive dead letters, a worker that Kubernetes restarts again and again would move
a whole topic to the dead letters. Records that an operator set aside must not be tried again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from oncofhir.consumers.kafka.bounded_reader import bounded_reader
from oncofhir.contracts.registry.row_decoder import RowDecoder
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.outcome import OutcomeStatus
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings

_ROWS_PER_PARTITION = 2_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RecentOutcomes:
    """The number of consecutive dead letters at the end, and coordinates of records that were set aside."""

    consecutive_dead_letters: int = 0
    set_aside: frozenset[str] = frozenset()


def read_recent_outcomes(settings: KafkaSettings, limit: int) -> RecentOutcomes:
    """Read the last rows of the outcome topic. Blocking.

    `limit` bounds the number of consecutive dead letters. Returns nothing where the topic is not readable:
    write access does not imply read access.
    """
    try:
        with bounded_reader(settings) as reader:
            records = [
                record
                for record in reader.read_last(settings.outcome_topic, _ROWS_PER_PARTITION)
                if record.value is not None
            ]
    except OncofhirError as error:
        log.warning(
            "outcome topic is not readable; the count of consecutive dead letters starts at 0, and records "
            "that were set aside are tried again",
            reason=error.reason.value,
            detail=error.detail,
            remedy="allow the worker's principal to read the outcome topic",
        )
        return RecentOutcomes()
    records.sort(key=lambda record: record.timestamp)
    decoder = RowDecoder.of(settings)
    return summarize([_parse_row(decoder, record.value) for record in records], limit)


def summarize(rows: Sequence[dict[str, Any]], limit: int) -> RecentOutcomes:
    """Summarize outcome rows, oldest first. Pure."""
    set_aside = [row for row in rows if row.get("reason") == Reason.SET_ASIDE.value]
    count = 0
    for row in reversed(rows):
        if row in set_aside:
            continue
        if count >= limit or row.get("status") != OutcomeStatus.DEAD_LETTERED:
            break
        count += 1
    return RecentOutcomes(count, frozenset(str(row.get("source")) for row in set_aside))


def _parse_row(decoder: RowDecoder, value: bytes) -> dict[str, Any]:
    try:
        row = json.loads(decoder.json(value))
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}
