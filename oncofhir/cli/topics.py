"""`oncofhir topics ensure`: creates the topics that are missing."""

from typing import Annotated

import typer

from oncofhir.cli.config import settings_or_exit
from oncofhir.cli.exits import Exit, fail, status_of
from oncofhir.cli.printing import json_line

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
    from oncofhir.consumers.topics import ensure_topics
    from oncofhir.schemas.errors import OncofhirError

    settings = settings_or_exit()
    try:
        for state in ensure_topics(
            settings.kafka, partitions=partitions, replication_factor=replication_factor
        ):
            json_line(state)
    except OncofhirError as error:
        fail(str(error), Exit(status_of(error)))
