"""`oncofhir backfill`: publishes an EHR's history to the backfill topics."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.backfill.run import Choices, run_backfill
from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.help import add, new_group

if TYPE_CHECKING:
    from oncofhir.ingest.backfill.source import Source

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


def backfill() -> None:
    """Publish an EHR's history to the backfill topics, which the workers read while live topics are idle.

    Every source can be stopped or killed at any time: the same command goes on where it was, and repeats one
    page at most. A page counts only when the broker has acknowledged all of it.

    Examples:
        oncofhir backfill files /exports/2026-11
        oncofhir backfill files reports.ndjson.gz --dry-run
    """


def files(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help="*.ndjson, *.jsonl and *.json files, plain or gzip (.gz), or folders of them.",
        ),
    ],
    rate: Rate = None,
    state: StateFile = None,
    restart: Restart = False,
    dry_run: DryRun = False,
    dead_letter_broken: DeadLetters = False,
    page_size: PageSize = 500,
) -> None:
    """Publish the reports of Bulk Data files (NDJSON), and of other JSON files.

    Each line goes, unchanged, to the backfill topic of its type, with the key of a live event: Type/id.
    Resources that are no reports are counted and left out. Broken lines are named on stderr by file and line.
    The summary on stdout is one JSON object; read is published + skipped + read_again.

    Examples:
        oncofhir backfill files /exports/2026-11 --rate 50/s
        oncofhir backfill files reports.ndjson.gz --dry-run

    Exit status: 0 complete; 1 something is broken and not in the dead-letter topic, or the numbers do not
    add up; 2 wrong usage or settings, or the files have changed; 3 the broker is unreachable; 130 stopped
    before the end.
    """
    from oncofhir.ingest.backfill.files import Files, find_files

    settings = settings_or_exit()
    choices = _choices(rate, state, page_size, restart, dry_run, dead_letter_broken)

    def source() -> "Source":
        found, others = find_files(paths)
        if others:
            typer.echo(f"oncofhir: left out {others} files of other names", err=True)
        return Files(
            found, page_size=page_size, max_line_bytes=settings.kafka.max_request_bytes + 1
        )

    run_backfill(source, choices, settings.kafka)


def _choices(
    rate: str | None,
    state: Path | None,
    page_size: int,
    restart: bool,
    dry_run: bool,
    dead_letter_broken: bool,
) -> Choices:
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
        raise typer.BadParameter("--rate is a number above 0, as in 50/s or 600/min")
    return rate


app = new_group(backfill)
add(app, "files", files)
