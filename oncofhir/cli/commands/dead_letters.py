"""`oncofhir dead-letters`: what could not be processed, and trying it again."""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.exit_status import Exit, fail, give_up
from oncofhir.cli.options import moment
from oncofhir.cli.output import console, counted, json_line, wants_tables
from oncofhir.schemas.errors import OncofhirError
from oncofhir.settings import SettingsError

if TYPE_CHECKING:
    from oncofhir.consumers.dead_letters.store import DeadLetter, Filter
    from oncofhir.settings import KafkaSettings

# Kafka's protocol: a partition is an INT32, an offset an INT64.
_LARGEST_PARTITION, _LARGEST_OFFSET = 2**31 - 1, 2**63 - 1
_PLACE = re.compile("([0-9]{1,10}):([0-9]{1,19})")
app = typer.Typer(no_args_is_help=True, help="What could not be processed, and trying it again.")

Reasons = Annotated[
    list[str] | None, typer.Option("--reason", help="Reason code; may be repeated.")
]
Stages = Annotated[list[str] | None, typer.Option("--stage", help="decode or process.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="Topic the record came from.")]
Since = Annotated[str | None, typer.Option(help="Dead-lettered then or later; ISO 8601.")]
Until = Annotated[str | None, typer.Option(help="Dead-lettered before; ISO 8601.")]


@app.callback()
def dead_letters() -> None:
    """What could not be processed, and trying it again."""


@app.command("list")
def list_letters(
    reason: Reasons = None,
    stage: Stages = None,
    topic: Topics = None,
    since: Since = None,
    until: Until = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List dead letters, one JSON line each: where they lie and why. Prints nothing of their content.

    The counts by reason end it, on stderr.
    """
    from oncofhir.consumers.dead_letters.store import list_dead_letters
    from oncofhir.consumers.kafka.bounded_reader import bounded_reader

    wanted = _filter(reason, stage, topic, since, until)
    kafka = settings_or_exit().kafka
    try:
        with bounded_reader(kafka) as reader:
            stock = list_dead_letters(reader, kafka.dead_letter_topic)
    except (OncofhirError, SettingsError) as error:
        give_up(error)
    letters = [letter for letter in stock.letters if wanted.matches(letter)]
    if wants_tables(as_json):
        table = Table("letter", "time", "record", "reason", "stage", "attempts", "replayed")
        for x in letters:
            place = f"{x.partition}:{x.offset}"
            record = f"{x.topic}/{x.source_partition}/{x.source_offset}"
            said = (
                x.time.isoformat(timespec="seconds"),
                record,
                x.reason,
                x.stage,
                str(x.attempts),
            )
            table.add_row(place, *said, "yes" if x.replayed else "")
        console().print(table)
    else:
        for letter in letters:
            json_line(letter)
    counts = Counter(letter.reason for letter in letters)
    parts = [f"{count} {name}" for name, count in counts.most_common()]
    _say(f"{len(letters)} of {len(stock.letters)} dead letters", *parts)
    if stock.foreign:
        _say(f"{stock.foreign} records of the topic are no dead letters of ours")


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="partition:offset, as `list` prints them.")],
    value: Annotated[
        bool,
        typer.Option("--value", help="Write the record's value, as it is, to stdout: PHI."),
    ] = False,
) -> None:
    """Show one dead letter: what we noted on it, its headers' names and sizes.

    With --value the original bytes go to stdout and nothing else does. They are a patient's report:
    write them only where such data may be.
    """
    from oncofhir.consumers.dead_letters.store import parse_dead_letter
    from oncofhir.consumers.kafka.bounded_reader import bounded_reader

    partition, offset = _place(letter)
    kafka = settings_or_exit().kafka
    try:
        with bounded_reader(kafka) as reader:
            record = reader.read_one(kafka.dead_letter_topic, partition, offset)
    except (OncofhirError, SettingsError) as error:
        give_up(error)
    found = parse_dead_letter(record) if record is not None else None
    if record is None or found is None:
        fail(f"no dead letter at {letter} of {kafka.dead_letter_topic}", Exit.WRONG_RESULT)
    if value:
        _say("this is patient data")
        sys.stdout.buffer.write(record.value or b"")
        sys.stdout.buffer.flush()
        return
    sizes = [{"name": name, "bytes": len(content or b"")} for name, content in record.headers]
    json_line(
        found.model_dump(mode="json", exclude={"replayed"})
        | {
            "key_bytes": None if record.key is None else len(record.key),
            "value_bytes": None if record.value is None else len(record.value),
            "headers": sizes,
        }
    )


@app.command()
def replay(
    reason: Reasons = None,
    stage: Stages = None,
    topic: Topics = None,
    since: Since = None,
    until: Until = None,
    letter: Annotated[
        list[str] | None, typer.Option(help="Only this one, partition:offset; may be repeated.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Topic; default: where each came from.")] = None,
    again: Annotated[bool, typer.Option(help="Also those that were replayed before.")] = False,
    most: Annotated[int, typer.Option(min=1, help="Replays of one record, all in all.")] = 3,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> None:
    """Publish the original records again: key, value and headers, in the order of each document.

    Letters that arrive meanwhile are left alone, so are those that were replayed before. One JSON line a
    letter says what became of it. Exit status 1: a letter was gone, or was replayed too often; 2: there is
    no such topic.
    """
    wanted = _filter(reason, stage, topic, since, until)
    places = frozenset(_place(said) for said in letter or ())
    kafka = settings_or_exit().kafka
    if to == kafka.dead_letter_topic:
        fail("--to is the dead-letter topic: that would be a loop", Exit.WRONG_USAGE)
    if to in (kafka.phenotype_topic, kafka.outcome_topic):
        fail(
            f"--to {to} is for rows: whole records hold what does not belong there",
            Exit.WRONG_USAGE,
        )
    try:
        counts = asyncio.run(
            _replay(kafka, wanted, places, to, again=again, most=most, dry_run=dry_run)
        )
    except (OncofhirError, SettingsError) as error:
        give_up(error)
    said = (f"{count} {verdict}" for verdict, count in counts.items())
    _say("dry run, nothing was published" if dry_run else "done", *said)
    if counts["gone"] or counts["replayed-too-often"]:
        raise typer.Exit(Exit.WRONG_RESULT)


async def _replay(
    kafka: "KafkaSettings",
    wanted: "Filter",
    places: frozenset[tuple[int, int]],
    to: str | None,
    *,
    again: bool,
    most: int,
    dry_run: bool,
) -> Counter[str]:
    from oncofhir.consumers.dead_letters.replay import ReplayStatus, replay, replay_status
    from oncofhir.consumers.dead_letters.store import in_source_order, list_dead_letters
    from oncofhir.consumers.kafka.bounded_reader import bounded_reader
    from oncofhir.consumers.kafka.publisher import Publisher
    from oncofhir.consumers.kafka.topics import refuse_missing_topics

    counts: Counter[str] = Counter()

    def tell(letter: "DeadLetter", verdict: ReplayStatus) -> None:
        counts[verdict.value] += 1
        line = {"partition": letter.partition, "offset": letter.offset, "verdict": verdict.value}
        json_line(line | {"topic": to or letter.topic, "replays": letter.replays})
        if counts.total() % 100 == 0:
            _say(f"{counted(counts.total(), 'letter')}")

    if to is not None:
        await asyncio.to_thread(refuse_missing_topics, {to}, kafka)
    with bounded_reader(kafka) as reader:
        stock = list_dead_letters(reader, kafka.dead_letter_topic)
        chosen = []
        for letter in in_source_order(stock.letters):
            if not wanted.matches(letter) or (places and letter.position not in places):
                continue
            verdict = replay_status(letter, again=again, limit=most)
            if verdict is ReplayStatus.REPLAY and not dry_run:
                chosen.append(letter)
            else:
                tell(letter, verdict)
        counts["gone"] += len(places - {letter.position for letter in stock.letters})
        if chosen:
            if to is None:
                sources = {letter.topic for letter in chosen}
                await asyncio.to_thread(refuse_missing_topics, sources, kafka)
            async with Publisher(kafka) as publisher:
                topic = kafka.dead_letter_topic
                async for done in replay(chosen, reader, publisher, topic, to):
                    tell(done.letter, done.status)
    return +counts


def _filter(
    reason: list[str] | None,
    stage: list[str] | None,
    topic: list[str] | None,
    since: str | None,
    until: str | None,
) -> "Filter":
    from oncofhir.consumers.dead_letters.message import DECODE, PROCESS
    from oncofhir.consumers.dead_letters.store import Filter
    from oncofhir.schemas.reasons import Reason

    _one_of(reason, set(Reason), "--reason is no reason code: see `oncofhir reasons`")
    _one_of(stage, {DECODE, PROCESS}, f"--stage is {DECODE} or {PROCESS}")
    begin, end = moment(since), moment(until)
    if begin is not None and end is not None and begin >= end:
        fail("--since is not before --until: there is no such time range", Exit.WRONG_USAGE)
    return Filter(
        reasons=frozenset(reason or ()),
        stages=frozenset(stage or ()),
        topics=frozenset(topic or ()),
        since=begin,
        until=end,
    )


def _one_of(said: list[str] | None, known: Collection[str], otherwise: str) -> None:
    if set(said or ()) - set(known):
        raise typer.BadParameter(otherwise)


def _place(said: str) -> tuple[int, int]:
    found = _PLACE.fullmatch(said)
    if found is None or int(found[1]) > _LARGEST_PARTITION or int(found[2]) > _LARGEST_OFFSET:
        raise typer.BadParameter("partition:offset is needed, as `dead-letters list` prints them")
    return int(found[1]), int(found[2])


def _say(what: str, *parts: str) -> None:
    typer.echo(f"oncofhir: {': '.join((what, ', '.join(parts))) if parts else what}", err=True)
