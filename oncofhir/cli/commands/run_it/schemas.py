"""`oncofhir schemas`: prints, checks and registers the contracts of the topics."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, fail
from oncofhir.cli.help import add, new_group
from oncofhir.cli.output import json_line
from oncofhir.contracts.kinds import Contract, Document, Format

if TYPE_CHECKING:
    from oncofhir.contracts.registry import SchemaRegistry

_URL_HELP = "Address of a Confluent-compatible schema registry: http://registry:8081"


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
            help="phenotype, outcome, dead-letter, or asyncapi.",
        ),
    ],
    format_: Annotated[
        Format,
        typer.Option("--format", metavar="FORMAT", help="Schema language: json-schema or avro."),
    ] = Format.JSON_SCHEMA,
) -> None:
    """Print a contract: phenotype, outcome, dead-letter, or asyncapi for all topics of these settings.

    Examples:
        oncofhir schemas print phenotype --format avro > phenotype.avsc
        oncofhir schemas print asyncapi > asyncapi.json

    Exit status: 0 printed; 2 wrong usage or settings.
    """
    from oncofhir import __version__
    from oncofhir.contracts.asyncapi import asyncapi
    from oncofhir.contracts.catalog import published

    if document is Document.ASYNCAPI:
        contract: dict[str, Any] = asyncapi(settings_or_exit().kafka, __version__)
    else:
        contract = published(Contract(document.value), format_)
    typer.echo(json.dumps(contract, indent=2, ensure_ascii=True))


def check(
    url: Annotated[str, typer.Option("--registry", metavar="URL", help=_URL_HELP)],
) -> None:
    """Check that a registry would accept this version's schemas; print one JSON object per subject.

    Examples:
        oncofhir schemas check --registry http://registry:8081

    Exit status: 0 all are compatible; 1 one is not; 3 the registry is unreachable.
    """
    compatible = True
    with _registry(url) as registry:
        for subject, schema, kind in _subjects():
            fits = registry.is_compatible(subject, schema, kind)
            compatible &= fits
            json_line({"subject": subject, "compatible": fits})
    if not compatible:
        raise typer.Exit(ExitStatus.WRONG_RESULT)


def register(
    url: Annotated[str, typer.Option("--registry", metavar="URL", help=_URL_HELP)],
) -> None:
    """Register the Avro schemas of the row topics as TOPIC-value; print one JSON object per subject.

    Examples:
        oncofhir schemas register --registry http://registry:8081

    Exit status: 0 registered; 3 the registry is unreachable or refuses.
    """
    with _registry(url) as registry:
        for subject, schema, kind in _subjects():
            json_line(registry.register(subject, schema, kind))


def _subjects() -> list[tuple[str, dict[str, Any], Any]]:
    """Name the subjects by the topics (the registry's TopicNameStrategy)."""
    from oncofhir.contracts.catalog import published

    kafka = settings_or_exit().kafka
    topics = {Contract.PHENOTYPE: kafka.phenotype_topic, Contract.OUTCOME: kafka.outcome_topic}
    return [(f"{topic}-value", published(c, Format.AVRO), "AVRO") for c, topic in topics.items()]


@contextmanager
def _registry(url: str) -> "Iterator[SchemaRegistry]":
    """Yield the registry; end the command with its message when it cannot be used."""
    from oncofhir.contracts.registry import RegistryError, SchemaRegistry

    registry = SchemaRegistry(url)
    try:
        yield registry
    except RegistryError as error:
        fail(str(error), ExitStatus.UNREACHABLE)
    finally:
        registry.close()


app = new_group(schemas)
add(app, "print", print_)
add(app, "check", check)
add(app, "register", register)
