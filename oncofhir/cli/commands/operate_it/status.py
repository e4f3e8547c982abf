"""`oncofhir status`: the state of a running installation, and what to do about each problem."""

import asyncio
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus
from oncofhir.cli.options import AsJson
from oncofhir.cli.output import fitted, json_line, pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oncofhir.consumers.installation.assessment import Assessment
    from oncofhir.consumers.installation.worker_view import WorkerView
    from oncofhir.settings import Settings


def status(
    url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="A worker's address for probes and metrics; repeatable. Default: this machine, "
            "ONCOFHIR_HTTP__PORT.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the state of the installation in about ten lines, then each problem and its remedy.

    Reads the probes and metrics of the workers. Reads from Kafka the lag of the consumer group, the dead
    letters of the last hour and the last 100 outcomes. If a worker is not ready, also calls the model server
    and the FHIR server. Needs the settings of the worker. Read-only; prints no content of a report.

    Examples:
        oncofhir status
        oncofhir status --url http://10.0.0.4:8080 --url http://10.0.0.5:8080
        kubectl exec deployment/oncofhir-worker -- oncofhir status --json

    Exit status: 0 no problem; 1 problems; 2 wrong settings; 3 neither a worker nor the broker could be
    reached.
    """
    from oncofhir.consumers.installation.assessment import assess
    from oncofhir.consumers.installation.topic_view import view_topics
    from oncofhir.consumers.installation.worker_view import view_worker
    from oncofhir.settings import LogSettings
    from oncofhir.telemetry.logging import CurrentStderr, configure_structlog

    for each in url or ():
        if not re.match(r"https?://[^/\s]", each):
            raise typer.BadParameter("an http or https URL is needed", param_hint="--url")
    settings = settings_or_exit()
    configure_structlog(LogSettings(level="ERROR"), CurrentStderr())  # what fails is in the result
    now = datetime.now(UTC)
    workers = [view_worker(each) for each in url or [f"http://127.0.0.1:{settings.http.port}"]]
    topics = view_topics(settings.kafka, now)
    dependencies = asyncio.run(_asked_directly(settings)) if _needs_check(workers) else {}
    found = assess(workers, topics, now, dependencies)
    if as_json:
        json_line(found)
    else:
        _print(found)
    if not found.reached:
        raise typer.Exit(ExitStatus.UNREACHABLE)
    if not found.well:
        raise typer.Exit(ExitStatus.WRONG_RESULT)


def _needs_check(workers: "Sequence[WorkerView]") -> bool:
    return not all(worker.is_ready for worker in workers)


async def _asked_directly(settings: "Settings") -> dict[str, str | None]:
    """Ask the model server and the FHIR server: None for one that answers, else the cause."""
    from oncofhir.consumers.composition.model_server import build_model_client
    from oncofhir.consumers.composition.pipeline import build_fhir_client
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import ModelApi, SettingsError

    found: dict[str, str | None] = {"store": None}
    try:
        store = build_fhir_client(settings.fhir, settings.fhir.base_url, settings.fhir.credentials)
        try:
            await store.fetch_capability()
        finally:
            await store.aclose()
    except (OncofhirError, SettingsError) as error:
        found["store"] = _cause(error)
    if settings.model.api is ModelApi.TRANSFORMERS:
        return found
    found["model"] = None
    try:
        model = build_model_client(settings.model)
        try:
            await model.identify()
        finally:
            await model.aclose()
    except (OncofhirError, SettingsError) as error:
        found["model"] = _cause(error)
    return found


def _cause(error: Exception) -> str:
    from oncofhir.schemas.errors import OncofhirError

    if not isinstance(error, OncofhirError):
        return str(error)
    parts = [error.reason.value, error.location, error.detail]
    return ", ".join(part for part in parts if part)


def _print(found: "Assessment") -> None:
    count = len(found.problems)
    typer.echo(pluralize(count, "problem") if count else "No problems found")
    width = max(map(len, found.facts))
    for name, fact in found.facts.items():
        typer.echo(fitted(fact, sys.stdout, f"  {name:<{width}}  ", " " * (width + 4)))
    for problem in found.problems:
        typer.echo(fitted(problem.what, sys.stdout, "! "))
        remedy = f"{problem.remedy} ({problem.page})"
        typer.echo(fitted(remedy, sys.stdout, " " * 4, " " * 4))
