"""The entry point `oncofhir`."""

import sys
from typing import Annotated

import typer

from oncofhir import __version__
from oncofhir.cli.commands import (
    config,
    dead_letters,
    demo,
    evaluate,
    extract,
    model,
    publish,
    reasons,
    reconcile,
    retract,
    schemas,
    sink,
    smoke_test,
    topics,
    worker,
)
from oncofhir.settings import LogSettings
from oncofhir.telemetry.logging import CurrentStderr, configure, configure_structlog

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Reads cancer reports, has a language model find phenotypes and diagnosis, and writes them "
        "back as coded FHIR (mCODE), marked as machine-asserted and unreviewed.\n\n"
        "Start with [bold]oncofhir demo[/bold]; look at one report with "
        "[bold]oncofhir extract FILE[/bold]; run the service with [bold]oncofhir worker[/bold].\n\n"
        "Exit status: 0 all accounted for, 1 something is wrong with the result, 2 wrong usage or "
        "settings, 3 a dependency is unreachable, 130 interrupted."
    ),
)
app.command("demo")(demo.demo)
app.command("extract")(extract.extract)
app.command("evaluate")(evaluate.evaluate)
app.command("publish")(publish.publish)
app.command("worker")(worker.worker)
app.command("reconcile")(reconcile.reconcile)
app.command("retract")(retract.retract)
app.command("sink")(sink.sink)
app.command("smoke-test")(smoke_test.smoke_test)
app.command("reasons")(reasons.reasons)
app.add_typer(model.app, name="model")
app.add_typer(topics.app, name="topics")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(config.app, name="config")
app.add_typer(schemas.app, name="schemas")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"oncofhir {__version__}")
        raise typer.Exit


@app.callback()
def oncofhir(
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options of all commands."""
    # stdout is for results; the worker and the servers, whose log it is, set up theirs
    configure_structlog(LogSettings(level="WARNING"), CurrentStderr())


def set_up_logging() -> None:
    """Logs go to stderr: stdout is for results."""
    configure(LogSettings(level="WARNING"), sys.stderr)
