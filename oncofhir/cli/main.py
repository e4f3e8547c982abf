"""The commands of `oncofhir`, grouped by what an operator wants to do."""

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from oncofhir.cli.commands.operate_it import reasons, reconcile, status
from oncofhir.cli.commands.recover import dead_letters, erase, retract
from oncofhir.cli.commands.run_it import (
    backfill,
    bridge,
    config,
    model,
    publish,
    review,
    schemas,
    sink,
    smoke_test,
    subscribe,
    topics,
    worker,
)
from oncofhir.cli.commands.try_it import demo, evaluate, extract
from oncofhir.cli.help import OPERATE_IT, RECOVER, RUN_IT, TRY_IT, add, new_group


def _print_version(asked: bool) -> None:
    if asked:
        from oncofhir.cli.version import version_lines

        for line in version_lines():
            typer.echo(line)
        raise typer.Exit


def oncofhir(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version, the prompt sets and the embedded model, and exit.",
        ),
    ] = False,
) -> None:
    """Extract phenotypes and diagnoses from cancer reports with a language model, as coded FHIR (mCODE).

    Everything it writes is marked as machine-asserted and unreviewed.

    Examples:
        oncofhir demo                  the whole service on invented reports
        oncofhir extract report.txt    the findings of one report
        oncofhir worker                the service: Kafka in, FHIR and Kafka out

    Exit status: 0 success, 1 something is wrong with the result, 2 wrong usage or settings,
    3 a dependency is unreachable, 130 interrupted.
    """


# In the order in which `oncofhir --help` prints them.
_PANELS: Mapping[str, Mapping[str, typer.Typer | Callable[..., None]]] = {
    TRY_IT: {"demo": demo.demo, "extract": extract.extract, "evaluate": evaluate.evaluate},
    RUN_IT: {
        "config": config.app,
        "topics": topics.app,
        "worker": worker.worker,
        "review": review.app,
        "smoke-test": smoke_test.smoke_test,
        "bridge": bridge.bridge,
        "subscribe": subscribe.subscribe,
        "publish": publish.publish,
        "backfill": backfill.app,
        "model": model.app,
        "sink": sink.sink,
        "schemas": schemas.app,
    },
    OPERATE_IT: {
        "status": status.status,
        "reconcile": reconcile.reconcile,
        "reasons": reasons.reasons,
    },
    RECOVER: {"dead-letters": dead_letters.app, "retract": retract.retract, "erase": erase.erase},
}
app = new_group(oncofhir)
for panel, commands in _PANELS.items():
    for name, command in commands.items():
        add(app, name, command, panel)
