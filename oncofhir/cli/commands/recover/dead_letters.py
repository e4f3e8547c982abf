"""`oncofhir dead-letters`: lists, shows and replays dead letters."""

import asyncio
import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.commands.recover.dead_letter_add import add_record
from oncofhir.cli.commands.recover.dead_letter_filter import (
    Reasons,
    Since,
    Stages,
    Topics,
    Until,
    explain,
    parse_position,
    read_filter,
)
from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.help import add, new_group
from oncofhir.cli.options import AsJson
from oncofhir.cli.output import fitted, json_line, note, pluralize, wants_tables

if TYPE_CHECKING:
    from oncofhir.consumers.dead_letters.store import DeadLetter, Filter
    from oncofhir.settings import KafkaSettings


_SIZE_SETTING = "ONCOFHIR_KAFKA__MAX_REQUEST_BYTES"
_INDENT = " " * 5
_NOT_REPLAYED = frozenset({"gone", "replayed-too-often", "too-large", "rejected"})


def dead_letters() -> None:
    """List, inspect and replay dead letters: records that could not be processed.

    Examples:
        oncofhir dead-letters list
        oncofhir dead-letters show 3:42
        oncofhir dead-letters replay --reason attachment-not-found --dry-run
        oncofhir dead-letters add fhir.diagnostic-report/3/1742
    """


def list_letters(
    reason: Reasons = None,
    stage: Stages = None,
    topic: Topics = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters: one JSON object each, with position, reason, detail and remedy, without any content.

    The counts by reason follow on stderr.

    Examples:
        oncofhir dead-letters list
        oncofhir dead-letters list --reason not-json --since 2026-01-31T08:00Z

    Exit status: 0 listed; 2 wrong usage or settings; 3 the broker is unreachable.
    """
    from oncofhir.consumers.dead_letters.store import list_dead_letters
    from oncofhir.consumers.kafka.bounded_reader import bounded_reader
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    wanted = read_filter(reason, stage, topic, since, until)
    kafka = settings_or_exit().kafka
    try:
        with bounded_reader(kafka) as reader:
            stock = list_dead_letters(reader, kafka.dead_letter_topic)
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    letters = [letter for letter in stock.letters if wanted.matches(letter)]
    if wants_tables(as_json):
        for letter in letters:
            typer.echo(_described(letter))
    else:
        for letter in letters:
            json_line(letter.model_dump(mode="json") | explain(letter))
    counts = Counter(letter.reason for letter in letters)
    parts = [f"{count} {name}" for name, count in counts.most_common()]
    _say(f"{len(letters)} of {len(stock.letters)} dead letters", *parts)
    if stock.foreign:
        _say(f"{stock.foreign} records of the topic were not written by oncofhir")


def show(
    letter: Annotated[
        str, typer.Argument(metavar="PARTITION:OFFSET", help="Position, as `list` prints it.")
    ],
    value: Annotated[
        bool,
        typer.Option("--value", help="Write the original bytes to stdout. They are PHI."),
    ] = False,
) -> None:
    """Show one dead letter: position, reason with its meaning and remedy, names and sizes of its headers.

    With --value, only the original bytes are written to stdout. They are a patient's report: write them
    only to a place that is allowed to hold such data.

    Examples:
        oncofhir dead-letters show 3:42
        oncofhir dead-letters show 3:42 --value > /secure/record

    Exit status: 0 shown; 1 no such dead letter; 2 wrong usage or settings; 3 the broker is unreachable.
    """
    from oncofhir.consumers.dead_letters.store import parse_dead_letter
    from oncofhir.consumers.kafka.bounded_reader import bounded_reader
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    partition, offset = parse_position(letter)
    kafka = settings_or_exit().kafka
    try:
        with bounded_reader(kafka) as reader:
            record = reader.read_one(kafka.dead_letter_topic, partition, offset)
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    found = parse_dead_letter(record) if record is not None else None
    if record is None or found is None:
        fail(f"no dead letter at {letter} of {kafka.dead_letter_topic}", ExitStatus.WRONG_RESULT)
    if value:
        _say("this is patient data")
        sys.stdout.buffer.write(record.value or b"")
        sys.stdout.buffer.flush()
        return
    sizes = [{"name": name, "bytes": len(content or b"")} for name, content in record.headers]
    json_line(
        found.model_dump(mode="json", exclude={"replayed"})
        | explain(found)
        | {
            "key_bytes": None if record.key is None else len(record.key),
            "value_bytes": None if record.value is None else len(record.value),
            "headers": sizes,
        }
    )


def replay(
    reason: Reasons = None,
    stage: Stages = None,
    topic: Topics = None,
    since: Since = None,
    until: Until = None,
    letter: Annotated[
        list[str] | None,
        typer.Option(metavar="PARTITION:OFFSET", help="Only this dead letter. Repeatable."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="TOPIC", help="Target topic. Default: the topic of each record."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also replay what was replayed before.")
    ] = False,
    most: Annotated[
        int, typer.Option(metavar="N", min=1, help="Most replays of one record in total.")
    ] = 3,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be replayed, and publish nothing.")
    ] = False,
) -> None:
    """Publish the original records again: key, value and headers, in order per document.

    Prints one JSON object per dead letter. Dead letters that arrive during the command, or that were
    replayed before, are not replayed. Replay is at-least-once; the worker deduplicates.

    Examples:
        oncofhir dead-letters replay --reason attachment-not-found --dry-run
        oncofhir dead-letters replay --reason attachment-not-found
        oncofhir dead-letters replay --letter 3:42 --again

    Exit status: 0 replayed; 1 a dead letter is gone, was replayed too often or is too large (the others are
    replayed); 2 wrong usage, or the topic is missing; 3 the broker is unreachable.
    """
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    wanted = read_filter(reason, stage, topic, since, until)
    places = frozenset(parse_position(text) for text in letter or ())
    kafka = settings_or_exit().kafka
    if to == kafka.dead_letter_topic:
        fail("--to must not be the dead-letter topic", ExitStatus.WRONG_USAGE)
    if to in (kafka.phenotype_topic, kafka.outcome_topic):
        fail(
            f"--to must not be {to}: it holds rows, and the records are PHI",
            ExitStatus.WRONG_USAGE,
        )
    try:
        counts = asyncio.run(
            _replay(kafka, wanted, places, to, again=again, most=most, dry_run=dry_run)
        )
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    counted = (f"{count} {verdict}" for verdict, count in counts.items())
    _say("dry run, nothing was published" if dry_run else "done", *counted)
    if counts["rejected"]:
        _say("rejected records are larger than the topic takes: raise its max.message.bytes")
    if counts.keys() & _NOT_REPLAYED:
        raise typer.Exit(ExitStatus.WRONG_RESULT)


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

    def print_result(letter: "DeadLetter", verdict: ReplayStatus) -> None:
        counts[verdict.value] += 1
        _print_verdict(letter, verdict.value, to or letter.topic)
        if counts.total() % 100 == 0:
            _say(f"{pluralize(counts.total(), 'letter')}")

    if to is not None:
        await asyncio.to_thread(refuse_missing_topics, {to}, kafka)
    with bounded_reader(kafka) as reader:
        stock = list_dead_letters(reader, kafka.dead_letter_topic)
        chosen = []
        for letter in in_source_order(stock.letters):
            if not wanted.matches(letter) or (places and letter.position not in places):
                continue
            verdict = replay_status(
                letter, again=again, limit=most, max_request_bytes=kafka.max_request_bytes
            )
            if verdict is ReplayStatus.REPLAY and not dry_run:
                chosen.append(letter)
            else:
                print_result(letter, verdict)
        counts["gone"] += len(places - {letter.position for letter in stock.letters})
        if chosen:
            if to is None:
                sources = {letter.topic for letter in chosen}
                await asyncio.to_thread(refuse_missing_topics, sources, kafka)
            async with Publisher(kafka) as publisher:
                topic = kafka.dead_letter_topic
                async for done in replay(chosen, reader, publisher, topic, to):
                    print_result(done.letter, done.status)
    return +counts


def _print_verdict(letter: "DeadLetter", verdict: str, topic: str) -> None:
    json_line(
        {
            "partition": letter.partition,
            "offset": letter.offset,
            "verdict": verdict,
            "topic": topic,
            "replays": letter.replays,
        }
    )
    if verdict == "too-large":
        at = f"{letter.partition}:{letter.offset}"
        _say(f"for {at} {_SIZE_SETTING} must be {letter.size} or more")


def _described(letter: "DeadLetter") -> str:
    """A dead letter for a person: position, reason, record, detail and remedy."""
    replayed = ", replayed" if letter.replayed else ""
    attempts = pluralize(letter.attempts, "attempt")
    detail = ": ".join(part for part in (letter.location, letter.detail) if part)
    record = f"{letter.topic}/{letter.source_partition}/{letter.source_offset}"
    position = f"{letter.partition}:{letter.offset}"
    below = (
        f"{record}, {letter.time:%Y-%m-%d %H:%M:%S}",
        detail,
        explain(letter).get("remedy", ""),
    )
    head = f"{letter.reason} ({letter.stage}, {attempts}{replayed})"
    lines = [fitted(head, sys.stdout, f"{position}  ", _INDENT)]
    lines += [fitted(text, sys.stdout, _INDENT, _INDENT) for text in below if text]
    return "\n".join(lines)


def _say(what: str, *parts: str) -> None:
    note(": ".join((what, ", ".join(parts))) if parts else what)


app = new_group(dead_letters)
add(app, "list", list_letters)
add(app, "show", show)
add(app, "replay", replay)
add(app, "add", add_record)
