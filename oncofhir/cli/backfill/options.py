"""Options that the sources of a backfill share."""

import re
from pathlib import Path
from typing import Annotated

import typer

from oncofhir.cli.backfill.run import Choices

_MINUTE = 60.0
Rate = Annotated[
    str | None,
    typer.Option(
        metavar="N/s", help="Most records per second: 50/s or 600/min. Default: no limit."
    ),
]
StateFile = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FILE",
        help="Where the position is kept. Default: a file in the working directory whose "
        "name follows from the source and the topics.",
    ),
]
Restart = Annotated[
    bool, typer.Option("--restart", help="Begin again, and publish everything once more.")
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Count by type, status and reason; publish and keep nothing."),
]
DeadLetters = Annotated[
    bool,
    typer.Option(
        "--dead-letter-broken",
        help="Write what is broken to the dead-letter topic instead of only counting it.",
    ),
]
PageSize = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=1,
        max=10_000,
        help="Most records that are acknowledged together, and that a kill repeats.",
    ),
]


def choices_of(
    rate: str | None,
    state: Path | None,
    page_size: int,
    restart: bool,
    dry_run: bool,
    dead_letter_broken: bool,
) -> Choices:
    """Return what the options chose.

    Raises:
        typer.BadParameter: the rate is none.
    """
    from oncofhir.ingest.backfill.run import Options

    options = Options(
        rate=parse_rate(rate), page_size=page_size, dead_letter_broken=dead_letter_broken
    )
    return Choices(options=options, state=state, restart=restart, dry_run=dry_run)


def parse_rate(text: str | None) -> float | None:
    """Return records per second of `50`, `50/s` or `600/min`; None for None.

    Raises:
        typer.BadParameter: it is something else, or 0.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)\s*(?:/(s|min))?", text.strip())
    rate = float(match[1]) / (_MINUTE if match[2] == "min" else 1.0) if match else 0.0
    if not rate:
        raise typer.BadParameter(
            "must be a number above 0, as in 50/s or 600/min", param_hint="--rate"
        )
    return rate
