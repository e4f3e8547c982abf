"""`oncofhir extract`: the processing of a report without Kafka and without writing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oncofhir.cli.concurrency import map_ordered
from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, fail, status_of
from oncofhir.cli.model_option import EMBEDDED, RULES, check_model, chosen_model
from oncofhir.cli.options import AsJson, Model, ModelApi, PromptSet
from oncofhir.cli.output import console, json_line, note, wants_tables
from oncofhir.consumers.processing.output_format import OutputFormat

if TYPE_CHECKING:
    from oncofhir.cli.inputs.items import Item
    from oncofhir.consumers.processing.dry_run import DryRun
    from oncofhir.settings import ModelSettings, Settings

_CONCURRENT_REPORTS = 8
Work = Callable[[], Awaitable[dict[str, Any]]]


def extract(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="FHIR JSON (*.json, *.ndjson, *.jsonl, also gzipped), HL7 v2 (*.hl7), documents (*.txt, "
            "*.md, *.html, *.rtf, *.docx, *.pdf, *.xml), folders of them, or - for standard input.",
        ),
    ],
    output: Annotated[
        OutputFormat,
        typer.Option(
            metavar="FORMAT",
            help="findings: values with evidence and codes. report: the text as it was read, no model. "
            "bundle: the FHIR that would be written. rows: as on the phenotype topic.",
        ),
    ] = OutputFormat.FINDINGS,
    model: Model = EMBEDDED,
    model_api: ModelApi = None,
    prompt_set: PromptSet = None,
    as_json: AsJson = False,
) -> None:
    """Print what the model finds in reports: a table on a terminal, else one JSON line per report. Read-only.

    A report is a DiagnosticReport, a DocumentReference, an HL7 v2 message or a document file. Bundles are
    unpacked. Other resources (Patient, Binary) are read to resolve references. Standard input holds JSON or
    NDJSON.

    Settings of the service count here as in the worker, among them ONCOFHIR_FHIR__STAGING_SYSTEM: it gives
    codes to stages whose report names no staging system. Settings that change the output are named on stderr.

    Examples:
        oncofhir extract report.txt
        oncofhir extract --output bundle report.json
        oncofhir extract --model http://tgi:8080 folder/ more.ndjson

    Exit status: 0 every report was read; 1 a report could not be read; 2 wrong usage; 3 the model is
    unreachable.
    """
    from oncofhir.cli.inputs import items as inputs
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    gone = inputs.missing(paths)
    if gone:
        fail(f"no such file or folder: {', '.join(gone)}", ExitStatus.WRONG_USAGE)
    check_model(model)
    settings = settings_or_exit()
    items = list(inputs.read(paths, settings.hl7v2))
    _warn_about_inputs(items, paths)
    _name_settings(settings)
    tables = output is OutputFormat.FINDINGS and wants_tables(as_json)
    try:
        # to print reports no model is needed
        asked = RULES if output is OutputFormat.REPORT else model
        with chosen_model(asked, model_api, prompt_set, settings.model) as chosen:
            wrong = asyncio.run(_run(items, output, chosen, settings, tables))
    except SettingsError as error:
        fail(str(error), ExitStatus.WRONG_USAGE)
    except OncofhirError as error:
        fail(f"{error} (asked at {model})", status_of(error))
    if wrong:
        raise typer.Exit(ExitStatus.WRONG_RESULT)


def _warn_about_inputs(items: "list[Item]", paths: list[str]) -> None:
    """Warn once per file that is no FHIR JSON, and if there is no report at all."""
    from oncofhir.cli.inputs import items as inputs

    if not any(item.holds_reports for item in items):
        note(f"no reports in {', '.join(paths)}")
    for explanation in (*inputs.ignored(paths), *inputs.explanations(items)):
        note(explanation)


def _name_settings(settings: "Settings") -> None:
    """Name the settings that make the output differ from that of a machine without them."""
    from oncofhir.consumers.composition.pipeline import output_options

    changed = output_options(settings.fhir).non_default
    if changed:
        named = ", ".join(
            f"ONCOFHIR_FHIR__{name.upper()}={value}" for name, value in changed.items()
        )
        note(f"with {named}")


async def _run(
    items: "list[Item]",
    output: OutputFormat,
    model: "ModelSettings | None",
    settings: "Settings",
    tables: bool,
) -> bool:
    """Print every line, and return whether one has an error."""
    from oncofhir import __version__
    from oncofhir.cli.inputs import items as inputs
    from oncofhir.consumers.composition import pipeline as composition
    from oncofhir.consumers.processing.dry_run import DryRun
    from oncofhir.inference.rules import Rules
    from oncofhir.settings import FhirCredentials

    companions = [c for item in items if item.resource for c in inputs.companions_in(item.resource)]
    companions += [c for item in items for c in item.companions]
    store = composition.build_fhir_client(settings.fhir, settings.fhir.base_url, FhirCredentials())
    answers = composition.build_answerer(model) if model else Rules()
    pool = composition.build_parsing_pool(settings)
    extracting = DryRun(
        output=output,
        reader=composition.build_report_reader(settings, pool.parse),
        companions=companions,
        extractor=None
        if output is OutputFormat.REPORT
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


def _lines(items: "list[Item]", extracting: "DryRun") -> AsyncIterator[dict[str, Any]]:
    from oncofhir.cli.inputs import items as inputs
    from oncofhir.consumers.processing.dry_run import LineSource

    def works() -> Iterator[Work]:
        for item in items:
            source = LineSource(file=item.file, line=item.line)
            if item.error is not None:
                yield _constant(extracting.error_line(source, item.error))
            elif item.content_type is not None:
                yield partial(extracting.extract_document, source, item.raw, item.content_type)
            else:
                for report in inputs.reports_in(item.resource or {}):
                    yield partial(extracting.extract_resource, source, report)

    return map_ordered(lambda work: work(), works(), _CONCURRENT_REPORTS)


def _constant(line: dict[str, Any]) -> Work:
    async def work() -> dict[str, Any]:
        return line

    return work


def _table(line: dict[str, Any]) -> None:
    """One report for a person: findings with evidence, else why there are none; what was not written."""
    from oncofhir.cli.finding_tables import findings_with_quotes, rejected_values

    source = line["source"]
    where = source["file"] if source["line"] is None else f"{source['file']}:{source['line']}"
    reason = line["error"] or line["skipped"]
    if reason or not line.get("findings"):
        console().print(f"{where}: {reason or 'nothing found'}", markup=False)
    else:
        console().print(findings_with_quotes(line["findings"], where), highlight=False, end="")
    console().print(rejected_values(line.get("rejected") or ()), highlight=False)
