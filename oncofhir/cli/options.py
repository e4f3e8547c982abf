"""Options that several commands share, their choices, and points in time as options."""

from datetime import MAXYEAR, UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer


class ModelApiChoice(StrEnum):
    """`--model-api`: the APIs of `settings.ModelApi` that a URL can have."""

    TGI = "tgi"
    OPENAI_COMPLETIONS = "openai-completions"
    OPENAI_CHAT = "openai-chat"


_FIRST_YEAR = 1970  # the first that Kafka's timestamps can tell
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON lines instead of a table, even on a terminal.")
]
MetricsPort = Annotated[
    int | None,
    typer.Option(metavar="PORT", min=0, max=65535, help="Serve /live, /ready and /metrics here."),
]
Model = Annotated[
    str,
    typer.Option(
        metavar="MODEL",
        help="embedded: the small model of this package. rules: transparent rules, no model. URL: a "
        "model server. FOLDER: a checkpoint, run in this process.",
    ),
]
ModelApi = Annotated[
    ModelApiChoice | None,
    typer.Option(
        metavar="API",
        help="API of the server at URL: tgi, openai-completions or openai-chat. Default: "
        "ONCOFHIR_MODEL__API.",
    ),
]
PromptSet = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Prompt set. Default: the embedded model's own, else the one that matches the model of "
        "the server, else ONCOFHIR_MODEL__PROMPT_SET.",
    ),
]


def parse_datetime(text: str | None, option: str) -> datetime | None:
    """Parse an ISO 8601 date or time; without an offset it is UTC. None for None.

    Raises:
        typer.BadParameter: the text is not ISO 8601, or is before 1970.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not _FIRST_YEAR <= moment.year < MAXYEAR:
        raise typer.BadParameter(
            "an ISO 8601 date or time is needed: 2026-01-31 or 2026-01-31T08:00Z",
            param_hint=option,
        )
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
