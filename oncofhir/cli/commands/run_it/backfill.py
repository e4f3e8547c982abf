"""`oncofhir backfill`: publishes an EHR's history to the backfill topics."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.backfill.options import (
    DeadLetters,
    DryRun,
    PageSize,
    Rate,
    Restart,
    StateFile,
    choices_of,
)
from oncofhir.cli.backfill.run import count_on_server_and_exit, run_backfill
from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, fail
from oncofhir.cli.help import add, new_group
from oncofhir.cli.options import parse_datetime
from oncofhir.cli.output import note

if TYPE_CHECKING:
    from oncofhir.ingest.backfill.source import Source
    from oncofhir.settings import KafkaSettings


def backfill() -> None:
    """Publish an EHR's history to the backfill topics, which the workers read while live topics are idle.

    Every source can be stopped or killed at any time: the same command continues where it stopped,
    and repeats one page at most. A page counts only when the broker has acknowledged all of it.

    Examples:
        oncofhir backfill files /exports/2026-11
        oncofhir backfill export --since 2016-01-01
        oncofhir backfill search "DiagnosticReport?category=PAT" --rate 20/s
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
    choices = choices_of(rate, state, page_size, restart, dry_run, dead_letter_broken)

    def source() -> "Source":
        found, others = find_files(paths)
        if others:
            note(f"left out {others} files of other names")
        return Files(
            found, page_size=page_size, max_line_bytes=settings.kafka.max_request_bytes + 1
        )

    run_backfill(source, choices, settings.kafka)


def export(
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="DiagnosticReport or DocumentReference. Repeatable. Default: those with a backfill topic.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only what changed since (_since): 2016-01-01."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="ID", help="Only patients of this Group.")
    ] = None,
    patients: Annotated[
        bool, typer.Option("--patients", help="Only what belongs to a Patient: Patient/$export.")
    ] = False,
    type_filter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUERY",
            help="Searches that restrict the export (_typeFilter), if the server supports it. Repeatable.",
        ),
    ] = None,
    file_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Another server that may get the access token, because the files lie there. Repeatable.",
        ),
    ] = None,
    rate: Rate = None,
    state: StateFile = None,
    restart: Restart = False,
    dry_run: DryRun = False,
    dead_letter_broken: DeadLetters = False,
    page_size: PageSize = 500,
) -> None:
    """Publish the reports of a Bulk Data export ($export) of the FHIR server that reports are read from.

    The server is ONCOFHIR_FHIR__SOURCE_BASE_URL, or else __BASE_URL, with its credentials. The command starts
    the export, waits for it, and reads its files one after the other; each is kept next to the state file
    meanwhile. An export that has expired is started again, and what was published is left alone. At the end
    the server is asked to remove its files. --dry-run counts by searching.

    Examples:
        oncofhir backfill export --rate 50/s
        oncofhir backfill export --group oncology --since 2016-01-01

    Exit status: 0 complete; 1 something is broken, or the server reports errors or incomplete files; 2 wrong
    usage or settings; 3 the broker or the FHIR server is unreachable or unsuitable; 130 stopped before the
    end.
    """
    from oncofhir.ingest.backfill import composition
    from oncofhir.ingest.backfill.bulk_export.jobs import ExportRequest
    from oncofhir.ingest.backfill.search import Query

    settings = settings_or_exit()
    choices = choices_of(rate, state, page_size, restart, dry_run, dead_letter_broken)
    moment = parse_datetime(since, "--since")
    if group is not None and (patients or not re.fullmatch(r"[A-Za-z0-9.\-]{1,64}", group)):
        raise typer.BadParameter(
            "the id of one Group is needed; it excludes --patients", param_hint="--group"
        )
    request = ExportRequest(
        types=_types(kind, settings.kafka),
        since=moment.isoformat() if moment is not None else None,
        group=group,
        all_patients=patients,
        type_filters=tuple(type_filter or ()),
    )
    if dry_run:
        if group or patients or type_filter:
            fail(
                "--dry-run counts by searching: not with a group or filters", ExitStatus.WRONG_USAGE
            )
        bound = (("_lastUpdated", f"ge{request.since}"),) if request.since else ()
        queries = [Query(each, bound) for each in request.types]
        count_on_server_and_exit(lambda: composition.build_reader(settings.fhir), queries)
    run_backfill(
        lambda: composition.build_export(
            settings,
            request,
            file_origins=file_origin or (),
            page_size=page_size,
            patience=choices.options.patience,
        ),
        choices,
        settings.kafka,
    )


def search(
    queries: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY",
            help="DiagnosticReport or DocumentReference, with search parameters behind a question mark. "
            "Default: everything of the types with a backfill topic.",
        ),
    ] = None,
    rate: Rate = None,
    state: StateFile = None,
    restart: Restart = False,
    dry_run: DryRun = False,
    dead_letter_broken: DeadLetters = False,
    page_size: PageSize = 100,
) -> None:
    """Publish the matches of searches at the FHIR server that reports are read from.

    The server is ONCOFHIR_FHIR__SOURCE_BASE_URL, or else __BASE_URL, with its credentials; it must sort by
    _lastUpdated. Matches come in that order, oldest first, up to the time at which the command first began:
    what changes later is an event of the live topics. Page links that change or expire do not matter.

    Examples:
        oncofhir backfill search --dry-run
        oncofhir backfill search "DiagnosticReport?category=PAT" --rate 20/s

    Exit status: 0 complete; 1 something is broken, or the search was rejected; 2 wrong usage or settings;
    3 the broker or the FHIR server is unreachable, or does not sort by _lastUpdated; 130 stopped before the
    end.
    """
    from oncofhir.ingest.backfill import composition
    from oncofhir.ingest.backfill.search import parse_query
    from oncofhir.settings import SettingsError

    settings = settings_or_exit()
    choices = choices_of(rate, state, page_size, restart, dry_run, dead_letter_broken)
    try:
        parsed = [parse_query(query) for query in queries or _types(None, settings.kafka)]
    except SettingsError as error:
        fail(str(error), ExitStatus.WRONG_USAGE)
    if dry_run:
        count_on_server_and_exit(lambda: composition.build_reader(settings.fhir), parsed)
    run_backfill(
        lambda: composition.build_search(
            settings.fhir, parsed, page_size=page_size, patience=choices.options.patience
        ),
        choices,
        settings.kafka,
    )


def _types(chosen: list[str] | None, settings: "KafkaSettings") -> tuple[str, ...]:
    """Return the chosen resource types, or those that have a backfill topic, or both."""
    from oncofhir.ingest.backfill.messages import BackfillTopics
    from oncofhir.schemas.event import REPORT_TYPES

    wrong = set(chosen or ()) - set(REPORT_TYPES)
    if wrong:
        raise typer.BadParameter(f"must be {' or '.join(REPORT_TYPES)}", param_hint="--type")
    return tuple(dict.fromkeys(chosen or BackfillTopics(settings).types or REPORT_TYPES))


app = new_group(backfill)
add(app, "files", files)
add(app, "export", export)
add(app, "search", search)
