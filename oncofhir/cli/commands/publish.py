"""`oncofhir publish`: puts FHIR resources on the input topics."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oncofhir.cli import inputs
from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.exit_status import Exit, fail, give_up
from oncofhir.cli.output import counted, json_line

if TYPE_CHECKING:
    from oncofhir.consumers.publishing.report_publisher import Publication


def publish(
    paths: Annotated[
        list[str],
        typer.Argument(help="FHIR JSON, NDJSON or Bundles: files, folders, or - for stdin."),
    ],
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Publish what is no report, too, as it is (to see what becomes of it)."
        ),
    ] = False,
) -> None:
    """Publish reports to the input topics and print where each record lies, one JSON line a record.

    DiagnosticReports go to ONCOFHIR_KAFKA__DIAGNOSTIC_REPORT_TOPIC, DocumentReferences to
    ONCOFHIR_KAFKA__DOCUMENT_REFERENCE_TOPIC, Bundles where their reports belong; the key is Type/id.
    Resources of other types, and lines that are none, are named on stderr and left out. Exit status 1:
    something was left out; 2: there is no such topic; 3: the broker is unreachable.
    """
    from oncofhir.consumers.kafka.publisher import Message
    from oncofhir.consumers.publishing.report_publisher import (
        publish_messages,
        raw_message,
        resource_message,
    )
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    gone = inputs.missing(paths)
    if gone:
        fail(f"no such file or folder: {', '.join(gone)}", Exit.WRONG_USAGE)
    settings = settings_or_exit().kafka
    left_out = 0

    def messages() -> Iterator[Message]:
        nonlocal left_out
        for item in inputs.read(paths):
            where = item.file if item.line is None else f"{item.file}:{item.line}"
            if item.resource is not None and (everything or item.holds_reports):
                yield resource_message(item.resource, settings, item.raw)
            elif everything:
                yield raw_message(item.raw, settings)
            else:
                left_out += 1
                why = item.error.value if item.error else "not a report"
                typer.echo(f"oncofhir: left out {where}: {why}", err=True)

    async def run() -> int:
        count = 0
        async for publication in publish_messages(messages(), settings):
            json_line(_line(publication))
            count += 1
        return count

    try:
        count = asyncio.run(run())
    except (OncofhirError, SettingsError) as error:
        give_up(error)
    typer.echo(f"oncofhir: published {counted(count, 'record')}", err=True)
    if left_out:
        raise typer.Exit(Exit.WRONG_RESULT)


def _line(publication: "Publication") -> dict[str, Any]:
    at, key = publication.coordinates, publication.message.key
    return {
        "topic": at.topic,
        "partition": at.partition,
        "offset": at.offset,
        "key": key.decode("utf-8", "replace") if key else None,
    }
