"""`oncofhir schemas`: prints, checks and registers the contracts of the topics."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error
from oncofhir.cli.help import add, new_group
from oncofhir.cli.output import json_line
from oncofhir.contracts.kinds import Contract, Document, Format

if TYPE_CHECKING:
    from oncofhir.contracts.registry.client import SchemaRegistry, SchemaType
    from oncofhir.settings import KafkaSettings

_URL_HELP = "Address of a Confluent-compatible schema registry. Default: ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL."


def schemas() -> None:
    """Print, check and register the schemas of the output topics.

    Examples:
        oncofhir schemas print phenotype
    """


def print_(
    document: Annotated[
        Document,
        typer.Argument(
            metavar="DOCUMENT",
            show_default=False,
            help="phenotype, outcome, dead-letter, asyncapi, or views.",
        ),
    ],
    format_: Annotated[
        Format,
        typer.Option("--format", metavar="FORMAT", help="Schema language: json-schema or avro."),
    ] = Format.JSON_SCHEMA,
) -> None:
    """Print a contract: phenotype, outcome, dead-letter; asyncapi, all topics; views, for the FHIR store.

    views is a Bundle of SQL on FHIR ViewDefinitions that read the findings' columns from Condition and
    Observation. asyncapi and views are for the topics and the identifier system of these settings.

    Examples:
        oncofhir schemas print phenotype --format avro > phenotype.avsc
        oncofhir schemas print asyncapi > asyncapi.json
        oncofhir schemas print views > views.json

    Exit status: 0 printed; 2 wrong usage or settings.
    """
    from oncofhir import __version__
    from oncofhir.contracts.asyncapi import asyncapi
    from oncofhir.contracts.catalog import published

    if format_ is Format.AVRO and document in {Document.ASYNCAPI, Document.VIEWS}:
        raise typer.BadParameter(f"{document.value} is not there in Avro", param_hint="--format")
    if document is Document.ASYNCAPI:
        contract: dict[str, Any] = asyncapi(settings_or_exit().kafka, __version__)
    elif document is Document.VIEWS:
        from oncofhir.fhir.view_definitions import view_definitions

        contract = view_definitions(settings_or_exit().fhir.identifier_system)
    else:
        contract = published(Contract(document.value), format_)
    typer.echo(json.dumps(contract, indent=2, ensure_ascii=True))


def check(
    url: Annotated[str | None, typer.Option("--registry", metavar="URL", help=_URL_HELP)] = None,
) -> None:
    """Check that a registry would accept this version's schemas; print one JSON object per subject.

    Examples:
        oncofhir schemas check --registry http://registry:8081

    Exit status: 0 all are compatible; 1 one is not; 2 wrong settings; 3 the registry is unreachable.
    """
    compatible = True
    kafka = settings_or_exit().kafka
    with _registry(kafka, url) as registry:
        for subject, schema, kind in _subjects(kafka):
            fits = registry.is_compatible(subject, schema, kind)
            compatible &= fits
            json_line({"subject": subject, "compatible": fits})
    if not compatible:
        raise typer.Exit(ExitStatus.WRONG_RESULT)


def register(
    url: Annotated[str | None, typer.Option("--registry", metavar="URL", help=_URL_HELP)] = None,
) -> None:
    """Register the Avro schemas of the row topics as TOPIC-value; print one JSON object per subject.

    A worker registers them itself where its credentials may.

    Examples:
        oncofhir schemas register --registry http://registry:8081

    Exit status: 0 registered; 2 wrong settings; 3 the registry is unreachable or refuses.
    """
    kafka = settings_or_exit().kafka
    with _registry(kafka, url) as registry:
        for subject, schema, kind in _subjects(kafka):
            json_line(registry.register(subject, schema, kind))


def _subjects(kafka: "KafkaSettings") -> "list[tuple[str, dict[str, Any], SchemaType]]":
    from oncofhir.contracts.catalog import published
    from oncofhir.contracts.registry.row_encoder import contracts_by_topic, subject_of

    return [
        (subject_of(topic), published(contract, Format.AVRO), "AVRO")
        for topic, contract in contracts_by_topic(kafka).items()
    ]


@contextmanager
def _registry(kafka: "KafkaSettings", url: str | None) -> "Iterator[SchemaRegistry]":
    """Yield the registry; end the command with the error's message when it cannot be used."""
    from oncofhir.contracts.registry.client import schema_registry
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    try:
        yield schema_registry(kafka, url)
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)


app = new_group(schemas)
add(app, "print", print_)
add(app, "check", check)
add(app, "register", register)
