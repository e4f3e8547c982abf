"""`oncofhir schemas`: prints, checks and registers the contracts of the topics."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.exit_status import Exit, fail
from oncofhir.cli.output import json_line
from oncofhir.contracts.names import Contract, Document, Format

if TYPE_CHECKING:
    from oncofhir.contracts.registry import SchemaRegistry

app = typer.Typer(no_args_is_help=True, help="Print, check and register the schemas of the topics.")
_URL_HELP = "Address of a Confluent-compatible schema registry: http://registry:8081"


@app.command("print")
def print_(
    document: Annotated[Document, typer.Argument(metavar="DOCUMENT", show_default=False)],
    format_: Annotated[
        Format, typer.Option("--format", metavar="json-schema|avro", help="Language of the schema.")
    ] = Format.JSON_SCHEMA,
) -> None:
    """Print a contract: phenotype, outcome, dead-letter, or asyncapi for all topics of these settings.

    Examples:
    oncofhir schemas print phenotype --format avro > phenotype.avsc

    oncofhir schemas print asyncapi > asyncapi.json
    """
    from oncofhir import __version__
    from oncofhir.contracts.asyncapi import asyncapi
    from oncofhir.contracts.catalog import published

    if document is Document.ASYNCAPI:
        contract: dict[str, Any] = asyncapi(settings_or_exit().kafka, __version__)
    else:
        contract = published(Contract(document.value), format_)
    typer.echo(json.dumps(contract, indent=2, ensure_ascii=True))


@app.command()
def check(
    url: Annotated[str, typer.Option("--registry", metavar="URL", help=_URL_HELP)],
) -> None:
    """Check that a registry would accept this version's schemas; print one JSON object per subject.

    Exit status: 0 all are compatible, 1 one is not, 3 the registry cannot be reached.

    Example: oncofhir schemas check --registry http://registry:8081
    """
    compatible = True
    with _registry(url) as registry:
        for subject, schema, kind in _subjects():
            fits = registry.is_compatible(subject, schema, kind)
            compatible &= fits
            json_line({"subject": subject, "compatible": fits})
    if not compatible:
        raise typer.Exit(Exit.WRONG_RESULT)


@app.command()
def register(
    url: Annotated[str, typer.Option("--registry", metavar="URL", help=_URL_HELP)],
) -> None:
    """Register the Avro schemas of the row topics as TOPIC-value; print one JSON object per subject.

    Example: oncofhir schemas register --registry http://registry:8081
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
        fail(str(error), Exit.UNREACHABLE)
    finally:
        registry.close()
