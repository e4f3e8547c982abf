"""`oncofhir extract`: the way of a report without Kafka and without writing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Annotated, Any

import typer

from oncofhir.cli import inputs
from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.concurrency import in_order
from oncofhir.cli.exit_status import Exit, fail, status_of
from oncofhir.cli.model_option import EMBEDDED, RULES, check_model, chosen_model
from oncofhir.cli.output import json_line, wants_tables
from oncofhir.consumers.processing.dry_run import DryRun, LineSource, Output
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import FhirCredentials, ModelApi, ModelSettings, Settings, SettingsError

AT_A_TIME = 8
Work = Callable[[], Awaitable[dict[str, Any]]]


def extract(
    paths: Annotated[
        list[str],
        typer.Argument(help="*.json, *.ndjson, *.txt, folders of them, or - for standard input."),
    ],
    output: Annotated[Output, typer.Option(help="What to print of each report.")] = Output.FINDINGS,
    model: Annotated[
        str,
        typer.Option(
            metavar="embedded|rules|URL|FOLDER",
            help="The small model that comes with oncofhir, transparent rules, a model server, "
            "or a checkpoint to run in process.",
        ),
    ] = EMBEDDED,
    model_api: Annotated[
        ModelApi | None,
        typer.Option(help="Which API the server at URL speaks; default: the settings'."),
    ] = None,
    prompt_set: Annotated[
        str | None, typer.Option(help="Default: the embedded model's own; for a URL the settings'.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON lines for findings also on a terminal.")
    ] = False,
) -> None:
    """Read reports and print what is found in each: one JSON line a report. Nothing is written.

    Reports are DiagnosticReport and DocumentReference resources, Bundles that hold them, and text
    files. Other resources beside them (Patient, Binary) are what references resolve against.

    Standard input holds JSON or NDJSON; text is read from *.txt files.

    Exit status: 0, 1 when a report could not be read, 2 wrong usage, 3 the model is unreachable.
    """
    from oncofhir.schemas.errors import OncofhirError

    gone = inputs.missing(paths)
    if gone:
        fail(f"no such file or folder: {', '.join(gone)}", Exit.WRONG_USAGE)
    check_model(model)
    settings = settings_or_exit()
    items = list(inputs.read(paths))
    _say_what_is_odd(items, paths)
    tables = output is Output.FINDINGS and wants_tables(as_json)
    try:
        # to print reports no model is needed
        asked = RULES if output is Output.REPORT else model
        with chosen_model(asked, model_api, prompt_set, settings.model) as chosen:
            wrong = asyncio.run(_run(items, output, chosen, settings, tables))
    except SettingsError as error:
        fail(str(error), Exit.WRONG_USAGE)
    except OncofhirError as error:
        fail(f"{error} (asked at {model})", Exit(status_of(error)))
    if wrong:
        raise typer.Exit(Exit.WRONG_RESULT)


def _say_what_is_odd(items: list[inputs.Item], paths: list[str]) -> None:
    """Say it once where nothing will be read, or where nothing is JSON that should be."""
    if not any(item.holds_reports for item in items):
        typer.echo(f"oncofhir: no reports in {', '.join(paths)}", err=True)
    piped = [item for item in items if item.file == inputs.STDIN]
    if piped and all(item.error is Reason.NOT_JSON for item in piped):
        typer.echo(
            "oncofhir: standard input takes FHIR resources as JSON or NDJSON; "
            "put a report's text into a file *.txt",
            err=True,
        )


async def _run(
    items: list[inputs.Item],
    output: Output,
    model: ModelSettings | None,
    settings: Settings,
    tables: bool,
) -> bool:
    """Print every line; whether one has an error."""
    from oncofhir import __version__
    from oncofhir.consumers.composition import pipeline as composition
    from oncofhir.inference.rules import Rules

    companions = [c for item in items if item.resource for c in inputs.companions_in(item.resource)]
    store = composition.build_fhir_client(settings.fhir, settings.fhir.base_url, FhirCredentials())
    answers = composition.build_answerer(model) if model else Rules()
    pool = composition.build_parsing_pool(settings)
    extracting = DryRun(
        output=output,
        reader=composition.build_report_reader(settings, pool.parse),
        companions=companions,
        extractor=None
        if output is Output.REPORT
        else composition.build_extractor(settings.model, answers),
        repository=composition.build_repository(settings, store),
        settings_sha256=composition.output_settings_sha256(settings),
        software_version=__version__,
    )
    wrong = False
    try:
        await extracting.check_model()
        async for line in _lines(items, extracting):
            wrong = wrong or line["error"] is not None
            if tables:
                _table(line)
            else:
                json_line(line)
    finally:
        await pool.aclose()
        await answers.aclose()
        await store.aclose()
    return wrong


def _lines(items: list[inputs.Item], extracting: DryRun) -> AsyncIterator[dict[str, Any]]:
    def works() -> Iterator[Work]:
        for item in items:
            source = LineSource(file=item.file, line=item.line)
            if item.error is not None:
                yield _constant(extracting.error_line(source, item.error))
            elif item.is_text:
                yield partial(extracting.extract_text, source, item.raw)
            else:
                for report in inputs.reports_in(item.resource or {}):
                    yield partial(extracting.extract_resource, source, report)

    return in_order(lambda work: work(), works(), AT_A_TIME)


def _constant(line: dict[str, Any]) -> Work:
    async def work() -> dict[str, Any]:
        return line

    return work


def _table(line: dict[str, Any]) -> None:
    """One report for a person: findings with evidence, else what became of it."""
    from rich.table import Table

    from oncofhir.cli.output import console

    source = line["source"]
    where = source["file"] if source["line"] is None else f"{source['file']}:{source['line']}"
    ended = line["error"] or line["skipped"]
    if ended or not line.get("findings"):
        console().print(f"{where}: {ended or 'nothing found'}", markup=False)
        return
    table = Table(
        "finding", "value", "code", "conf.", "the report says", title=where, title_justify="left"
    )
    for finding in line["findings"]:
        slot = f" {finding['slot']}" if finding["slot"] else ""
        code = finding["codings"][0]["code"] if finding["codings"] else ""
        confidence = "" if finding["confidence"] is None else f"{finding['confidence']:.2f}"
        quote = " ".join(finding["evidence"][0]["text"].split())
        table.add_row(finding["kind"] + slot, finding["value"], code, confidence, quote[:90])
    console().print(table)
