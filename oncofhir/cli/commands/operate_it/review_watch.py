"""`oncofhir review watch`: publishes the edits that people make to findings with other FHIR clients."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error
from oncofhir.cli.options import MetricsPort
from oncofhir.cli.output import json_line, note

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
    """Watch the FHIR server, and publish the edits that people make to findings with other FHIR clients.

    Somebody refutes a Condition in the EHR, a registrar corrects a size, somebody deletes a resource: each
    edit becomes a row on the phenotype topic, with the review status, the person's value and code, the time
    and the person. The document state records the review too, and later runs keep it. Rows are published
    only for edits. The index file (ONCOFHIR_WORKLIST__INDEX_FILE) records the progress; an interrupted pass
    is repeated. `oncofhir review` does the same while it serves its page.

    With --once, it makes one pass and prints its counts as one JSON object. Without, it makes a pass every
    ONCOFHIR_WORKLIST__POLL_SECONDS and logs those with edits, until SIGTERM or Ctrl-C.

    Examples:
        oncofhir review watch --once
        oncofhir review watch --metrics-port 8081

    Exit status: 0 stopped, or one pass made; 1 an edit could not be read; 2 wrong usage or settings; 3 the
    FHIR server or the broker is unreachable (with --once; without, the next pass tries again).
    """
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError
    from oncofhir.telemetry.tracing.setup import tracing

    settings = settings_or_exit()
    if "bootstrap_servers" not in settings.kafka.model_fields_set:
        note("ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS is not set; no rows are published")
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
