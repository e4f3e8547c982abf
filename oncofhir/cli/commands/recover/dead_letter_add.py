"""`oncofhir dead-letters add`: sets a record aside that stops the worker."""

import asyncio
from typing import Annotated

import typer

from oncofhir.cli.commands.recover.dead_letter_filter import parse_record
from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.output import json_line, note


def add_record(
    record: Annotated[
        str,
        typer.Argument(
            metavar="TOPIC/PARTITION/OFFSET",
            help="Coordinates of a record, as the worker's log names it.",
        ),
    ],
) -> None:
    """Set a record aside that stops the worker: copy it to the dead-letter topic.

    The worker passes over the record after its next start. A record that is too large to be copied is noted
    by a
    reference: keep it in its topic until it is replayed. Prints one JSON object.

    Examples:
        oncofhir dead-letters add fhir.diagnostic-report/3/1742

    Exit status: 0 set aside; 1 there is no such record; 2 wrong usage or settings; 3 the broker is
    unreachable.
    """
    from oncofhir.consumers.dead_letters.set_aside import set_aside
    from oncofhir.consumers.kafka.bounded_reader import bounded_reader
    from oncofhir.consumers.kafka.publisher import Publisher
    from oncofhir.consumers.kafka.records import Coordinates
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    topic, partition, offset = parse_record(record)
    kafka = settings_or_exit().kafka
    if topic not in kafka.input_topics:
        fail(f"{topic} is not an input topic of the settings", ExitStatus.WRONG_USAGE)

    async def run() -> int | None:
        with bounded_reader(kafka) as reader:
            async with Publisher(kafka) as publisher:
                at = Coordinates(topic, partition, offset)
                found = await set_aside(at, reader, publisher, kafka)
        return None if found is None else found.size

    try:
        size = asyncio.run(run())
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    if size is None:
        fail(f"no record at {record}", ExitStatus.WRONG_RESULT)
    json_line({"topic": topic, "partition": partition, "offset": offset, "bytes": size})
    note("set aside; restart the worker, which passes over the record then")
