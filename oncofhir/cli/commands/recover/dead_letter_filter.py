"""Options that choose dead letters: by reason, stage, topic, time, or position."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.exit_status import ExitStatus, fail
from oncofhir.cli.options import parse_datetime

if TYPE_CHECKING:
    from oncofhir.consumers.dead_letters.store import DeadLetter, Filter

# Kafka's protocol: a partition is an INT32, an offset an INT64.
_LARGEST_PARTITION, _LARGEST_OFFSET = 2**31 - 1, 2**63 - 1
_POSITION = re.compile("([0-9]{1,10}):([0-9]{1,19})")
_RECORD = re.compile("([A-Za-z0-9._-]{1,249})/([0-9]{1,10})/([0-9]{1,19})")

Reasons = Annotated[
    list[str] | None,
    typer.Option("--reason", metavar="CODE", help="Only this reason code. Repeatable."),
]
Stages = Annotated[
    list[str] | None,
    typer.Option(
        "--stage",
        metavar="STAGE",
        help="Only this stage: decode, process, operator, backfill or mllp.",
    ),
]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", metavar="TOPIC", help="Only from this input topic.")
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only dead-lettered at or after this time.")
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Only dead-lettered before this time.")
]


def read_filter(
    reason: list[str] | None,
    stage: list[str] | None,
    topic: list[str] | None,
    since: str | None,
    until: str | None,
) -> "Filter":
    """Read the options as a filter; exit with status 2 if there is no such code or time range."""
    from oncofhir.consumers.dead_letters.message import STAGES
    from oncofhir.consumers.dead_letters.store import Filter
    from oncofhir.schemas.reasons import Reason

    _one_of("--reason", reason, set(Reason), "unknown code; `oncofhir reasons` lists all")
    _one_of("--stage", stage, STAGES, f"must be one of {', '.join(STAGES)}")
    begin, end = parse_datetime(since, "--since"), parse_datetime(until, "--until")
    if begin is not None and end is not None and begin >= end:
        fail("--since must be before --until", ExitStatus.WRONG_USAGE)
    return Filter(
        reasons=frozenset(reason or ()),
        stages=frozenset(stage or ()),
        topics=frozenset(topic or ()),
        since=begin,
        until=end,
    )


def _one_of(option: str, given: list[str] | None, known: Collection[str], otherwise: str) -> None:
    if set(given or ()) - set(known):
        raise typer.BadParameter(otherwise, param_hint=option)


def parse_position(text: str) -> tuple[int, int]:
    """Parse PARTITION:OFFSET.

    Raises:
        typer.BadParameter: the text is none, or the numbers are larger than Kafka's.
    """
    found = _POSITION.fullmatch(text)
    if found is None or int(found[1]) > _LARGEST_PARTITION or int(found[2]) > _LARGEST_OFFSET:
        raise typer.BadParameter("PARTITION:OFFSET is needed, as `dead-letters list` prints it")
    return int(found[1]), int(found[2])


def parse_record(text: str) -> tuple[str, int, int]:
    """Parse TOPIC/PARTITION/OFFSET.

    Raises:
        typer.BadParameter: the text has another form, or the numbers are larger than Kafka's.
    """
    found = _RECORD.fullmatch(text)
    if found is None or int(found[2]) > _LARGEST_PARTITION or int(found[3]) > _LARGEST_OFFSET:
        raise typer.BadParameter(
            "TOPIC/PARTITION/OFFSET is needed, as the worker's log names a record"
        )
    return found[1], int(found[2]), int(found[3])


def explain(letter: "DeadLetter") -> dict[str, str]:
    """Return the meaning and the remedy of a dead letter; nothing for a reason code of another version."""
    from oncofhir.schemas.reasons import Reason

    if letter.reason not in set(Reason):
        return {}
    reason, remedy = Reason(letter.reason), Reason(letter.reason).remedy
    if letter.is_reference:
        remedy += (
            " The letter only refers to the record. Then, while its topic still holds it, run: "
            f"ONCOFHIR_KAFKA__MAX_REQUEST_BYTES={letter.size} oncofhir dead-letters replay "
            f"--letter {letter.partition}:{letter.offset}"
        )
    return {"meaning": reason.meaning, "remedy": remedy}
