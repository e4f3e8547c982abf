"""`oncofhir publish`: publishes FHIR resources to the input topics."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.output import json_line, note, pluralize

if TYPE_CHECKING:
    from oncofhir.cli.inputs.items import Item
    from oncofhir.consumers.publishing.report_publisher import Publication
    from oncofhir.schemas.tracing.tracer import Tracer


def publish(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="*.json, *.ndjson and *.hl7 files, folders of them, or - for standard input.",
        ),
    ],
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Also publish what is not a report, unchanged, to see how the worker handles it.",
        ),
    ] = False,
) -> None:
    """Publish FHIR reports to the input topics: one JSON object per record, with its position.

    DiagnosticReports go to ONCOFHIR_KAFKA__DIAGNOSTIC_REPORT_TOPIC, DocumentReferences to
    ONCOFHIR_KAFKA__DOCUMENT_REFERENCE_TOPIC, a Bundle to the topic of its reports. The key is Type/id.
    HL7 v2 messages (ORU^R01, MDM) are mapped to them first. Other resources and invalid lines are left out
    and named on stderr. With ONCOFHIR_TRACING__ENDPOINT each record begins a trace.

    Examples:
        oncofhir publish reports.ndjson
        cat bundle.json | oncofhir publish -

    Exit status: 0 everything was published; 1 something was left out; 2 a topic is missing; 3 the broker is
    unreachable.
    """
    from oncofhir.cli.inputs import items as inputs
    from oncofhir.consumers.kafka.publisher import Message
    from oncofhir.consumers.publishing.report_publisher import (
        publish_messages,
        raw_message,
        resource_message,
    )
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError
    from oncofhir.telemetry.tracing.setup import tracing

    gone = inputs.missing(paths)
    if gone:
        fail(f"no such file or folder: {', '.join(gone)}", ExitStatus.WRONG_USAGE)
    everything_set = settings_or_exit()
    settings = everything_set.kafka
    left_out = 0

    def messages() -> Iterator[Message]:
        nonlocal left_out
        for item in inputs.read(paths, everything_set.hl7v2):
            where = item.file if item.line is None else f"{item.file}:{item.line}"
            if item.resource is not None and (everything or item.holds_reports):
                yield resource_message(item.resource, settings, item.raw)
            elif everything:
                yield raw_message(item.raw, settings)
            else:
                left_out += 1
                note(f"left out {where}: {_why(item)}")

    async def run(tracer: "Tracer") -> int:
        count = 0
        async for publication in publish_messages(messages(), settings, tracer):
            json_line(_line(publication))
            count += 1
        return count

    try:
        with tracing(everything_set.tracing) as tracer:
            count = asyncio.run(run(tracer))
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    note(f"published {pluralize(count, 'record')}")
    if left_out:
        raise typer.Exit(ExitStatus.WRONG_RESULT)


def _why(item: "Item") -> str:
    """Why an item is not published, and what can be done with it."""
    if item.is_text:
        return "a document is not a FHIR resource; `oncofhir extract` reads it"
    if item.error:
        return item.error.value if item.detail is None else f"{item.error.value}: {item.detail}"
    return "neither a DiagnosticReport nor a DocumentReference"


def _line(publication: "Publication") -> dict[str, Any]:
    at, key = publication.coordinates, publication.message.key
    return {
        "topic": at.topic,
        "partition": at.partition,
        "offset": at.offset,
        "key": key.decode("utf-8", "replace") if key else None,
    }
