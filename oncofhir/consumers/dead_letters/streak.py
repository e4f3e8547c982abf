"""How the last reports ended, as the outcome topic tells: what the cap on dead letters knows after a restart.

Without it a worker that is restarted again and again, as Kubernetes does, would empty a topic by and by.
"""

import json
from typing import Any

import structlog

from oncofhir.consumers.kafka.bounded_reader import BoundedReader, bounded_reader
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.outcome import OutcomeStatus
from oncofhir.settings import KafkaSettings

log = structlog.get_logger(__name__)


def count_trailing_dead_letters(settings: KafkaSettings, most: int) -> int:
    """Of the latest outcomes, how many are dead letters with no other between them, up to `most`. Blocks.

    0 where the topic cannot be read: whoever may write it need not be allowed to.
    """
    try:
        with bounded_reader(settings) as reader:
            return _count_trailing(reader, settings.outcome_topic, most)
    except OncofhirError as error:
        log.warning(
            "outcomes could not be read; the count of dead letters in a row begins anew",
            reason=error.reason.value,
            remedy="let the worker's principal read the outcome topic",
        )
        return 0


def _count_trailing(reader: BoundedReader, topic: str, most: int) -> int:
    rows = [record for record in reader.read_last(topic, most) if record.value is not None]
    rows.sort(key=lambda record: record.timestamp)
    count = 0
    for record in reversed(rows[-most:]):
        if _status(record) != OutcomeStatus.DEAD_LETTERED:
            break
        count += 1
    return count


def _status(record: Any) -> str | None:
    try:
        row = json.loads(record.value)
    except ValueError:
        return None
    return row.get("status") if isinstance(row, dict) else None
