"""`oncofhir topics ensure` and `check`: creates the topics that are missing; says what is wrong with them."""

from typing import Annotated

import typer
from rich.table import Table

from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.exit_status import Exit, give_up
from oncofhir.cli.output import console, json_line, wants_tables

app = typer.Typer(no_args_is_help=True, help="The topics of the service.")


@app.callback()
def topics() -> None:
    """The topics of the service."""


@app.command()
def ensure(
    partitions: Annotated[int, typer.Option(min=1, help="Of a topic that is created.")] = 8,
    replication_factor: Annotated[int, typer.Option(min=1, help="Of a topic that is created.")] = 1,
) -> None:
    """Create the input and output topics that are missing; topics that exist are left as they are.

    Prints one JSON object a topic.
    """
    from oncofhir.consumers.kafka.topics import ensure_topics
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    settings = settings_or_exit()
    try:
        for state in ensure_topics(
            settings.kafka, partitions=partitions, replication_factor=replication_factor
        ):
            json_line(state)
    except (OncofhirError, SettingsError) as error:
        give_up(error)


@app.command()
def check(
    partitions: Annotated[int, typer.Option(min=1, help="The fewest a topic may have.")] = 1,
    replication_factor: Annotated[int, typer.Option(min=1, help="The fewest replicas.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say what is wrong with the topics, and what helps: one JSON object a finding.

    Partitions, replicas, cleanup policy, retention, and whether a dead letter of the largest input record
    fits. What the broker does not tell is a finding of severity `unknown`. Exit status 1: something is wrong.
    """
    from oncofhir.consumers.kafka.topic_checks import Severity, check_topics
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    settings = settings_or_exit()
    try:
        findings = check_topics(
            settings.kafka, partitions=partitions, replication_factor=replication_factor
        )
    except (OncofhirError, SettingsError) as error:
        give_up(error)
    if wants_tables(as_json):
        table = Table("topic", "problem", "severity", "found", "wanted", "remedy")
        for x in findings:
            table.add_row(x.topic, x.problem, x.severity.value, x.found, x.wanted, x.remedy)
        console().print(table)
    else:
        for finding in findings:
            json_line(finding)
    if any(finding.severity is not Severity.UNKNOWN for finding in findings):
        raise typer.Exit(Exit.WRONG_RESULT)
