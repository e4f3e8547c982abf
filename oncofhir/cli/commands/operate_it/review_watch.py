"""`oncofhir review watch`: publishes what people say of findings with other FHIR clients."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error
from oncofhir.cli.options import MetricsPort
from oncofhir.cli.output import json_line

if TYPE_CHECKING:
    from oncofhir.review.watch.counts import PassCounts
    from oncofhir.schemas.tracing.tracer import Tracer
    from oncofhir.settings import Settings


def watch(
    once: Annotated[
        bool, typer.Option("--once", help="Make one pass, print its counts, and exit.")
    ] = False,
    metrics_port: MetricsPort = None,
) -> None:
    """Follow the FHIR server: publish what people say of findings with other FHIR clients.

    A Condition that is refuted in the EHR, a size that a registrar corrects, a resource that is deleted: the
    rows with the review status, the human's value and code, the time and the person go to the phenotype
    topic, and the finding's review to the document state, so that no later run overwrites it. Nothing is
    published that did not change. The index file (ONCOFHIR_WORKLIST__INDEX_FILE) keeps how far it has come:
    an interrupted pass is repeated. `oncofhir review` does the same while it serves its page.

    Prints one JSON object per pass with --once; else it logs passes that changed something, every
    ONCOFHIR_WORKLIST__POLL_SECONDS, until SIGTERM or Ctrl-C.

    Examples:
        oncofhir review watch --once
        oncofhir review watch --metrics-port 8081

    Exit status: 0 stopped, or one pass done; 1 an edit could not be read; 2 wrong usage or settings; 3 the
    FHIR server or the broker is unreachable (with --once; else it is tried again).
    """
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError
    from oncofhir.telemetry.tracing.setup import tracing

    settings = settings_or_exit()
    if "bootstrap_servers" not in settings.kafka.model_fields_set:
        message = "oncofhir: ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS is not set; no rows are published"
        typer.echo(message, err=True)
    try:
        with tracing(settings.tracing) as tracer:
            counts = asyncio.run(_run(settings, metrics_port, tracer, once=once))
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    if counts is not None:
        json_line(counts)
        if counts.failed:
            raise typer.Exit(ExitStatus.WRONG_RESULT)


async def _run(
    settings: "Settings", metrics_port: int | None, tracer: "Tracer", *, once: bool
) -> "PassCounts | None":
    from oncofhir.review.composition import open_review
    from oncofhir.review.metrics_server import served_metrics

    async with open_review(settings, tracer) as review:
        if once:
            return await review.watcher.run_once(sweep=True)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_number, stop.set)
        async with served_metrics(review.metrics, settings, metrics_port):
            await review.watcher.run(stop, settings.worklist.poll_seconds)
        return None
