"""A dead letter: the record as it was, byte for byte, with headers that say why it is here.

Our headers begin with `oncofhir-` and hold reason codes, numbers, times and names of ours, never
anything out of the record. Those that an earlier dead letter left are kept as the publisher's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from oncofhir import __version__
from oncofhir.consumers.kafka.publisher import Message
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.schemas.reasons import Reason

DECODE = "decode"
PROCESS = "process"
MARK_OUTDATED = "give-up"


@dataclass(frozen=True)
class ReportFailure:
    """Why one report of a record failed. `entry` counts from 0 in the order of the record's reports."""

    reason: Reason
    stage: str
    attempts: int
    entry: int | None = None


def build_dead_letter(
    record: SourceRecord,
    failures: Sequence[ReportFailure],
    first: datetime,
    topic: str,
) -> Message:
    """The dead letter of a record of which one or more reports failed.

    `first` is when it was first tried. Kafka allows headers without a value, which kafka-python cannot
    send: those become empty and `oncofhir-null-headers` names their positions, from 0.
    """
    at = record.coordinates
    main = failures[0]
    entries = ",".join(str(f.entry) for f in failures if f.entry is not None)
    absent = ",".join(str(n) for n, (_, value) in enumerate(record.headers) if value is None)
    ours = {
        "oncofhir-reason": main.reason.value,
        "oncofhir-stage": main.stage,
        "oncofhir-entries": entries,
        "oncofhir-attempts": str(max(f.attempts for f in failures)),
        "oncofhir-topic": at.topic,
        "oncofhir-partition": str(at.partition),
        "oncofhir-offset": str(at.offset),
        "oncofhir-timestamp": str(record.timestamp),
        "oncofhir-first-tried": _iso(first),
        "oncofhir-last-tried": _iso(datetime.now(UTC)),
        "oncofhir-version": __version__,
        "oncofhir-null-headers": absent,
    }
    untouched = tuple((name, value or b"") for name, value in record.headers)
    added = tuple((name, value.encode()) for name, value in ours.items() if value)
    return Message(topic, record.key, record.value, untouched + added)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


class DeadLetterCap:
    """Says when so much is dead-lettered that something else must be wrong.

    Args:
        in_a_row: dead letters without a success between them.
        share: of the last `window` reports; judged only when the window is full.
        window: how many reports the share is taken of.
    """

    def __init__(self, *, in_a_row: int, share: float, window: int = 1_000) -> None:
        self._in_a_row = in_a_row
        self._most = share * window
        self._window = window
        self._recent: list[bool] = []
        self._next = 0
        self._dead = 0
        self._row = 0

    def restore(self, row: int) -> None:
        """Go on after a restart, at so many dead letters in a row; a few more may come before the cap.

        So what was mended shows, and a bad record that comes first does not stop the rest for ever.
        """
        self._row = min(row, max(0, self._in_a_row - max(2, self._in_a_row // 20)))

    def record(self, *, dead: bool) -> bool:
        """Count a report; True when the cap is reached."""
        self._row = self._row + 1 if dead else 0
        if len(self._recent) < self._window:
            self._recent.append(dead)
        else:
            self._dead -= self._recent[self._next]
            self._recent[self._next] = dead
            self._next = (self._next + 1) % self._window
        self._dead += dead
        is_full = len(self._recent) == self._window
        return self._row >= self._in_a_row or (is_full and self._dead > self._most)
