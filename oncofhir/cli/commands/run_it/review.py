"""`oncofhir review`: the reviewer's page."""

from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.commands.operate_it.review_agreement import agreement
from oncofhir.cli.commands.operate_it.review_export import export
from oncofhir.cli.commands.operate_it.review_watch import watch
from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.help import add, new_group
from oncofhir.cli.options import MetricsPort

if TYPE_CHECKING:
    from oncofhir.schemas.tracing.tracer import Tracer
    from oncofhir.settings import Settings


def review(
    context: typer.Context,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="Port of the page; 0: a free one. Default: ONCOFHIR_REVIEW__PORT, 8070.",
        ),
    ] = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Serve the review page, where a person confirms, corrects or refutes the findings of the model.

    Without a login provider, the page serves one reviewer on this machine, at http://127.0.0.1:8070/. Set
    ONCOFHIR_REVIEW__OIDC_ISSUER or ONCOFHIR_REVIEW__SMART_ISSUERS to serve others. The page writes verdicts
    to the FHIR server (ONCOFHIR_FHIR__BASE_URL) and rows with the verdicts to Kafka. It records each view of
    a report as an AuditEvent on the FHIR server; it shows no report whose view it cannot record. It runs
    until SIGTERM or Ctrl-C. It needs the extra "review".

    Examples:
        oncofhir review
        oncofhir review --port 8071 --metrics-port 8081
        oncofhir review watch --once

    Exit status: 0 stopped; 2 wrong settings or a port in use; 3 the FHIR server refuses access.
    """
    if context.invoked_subcommand is not None:
        return
    _serve(port, metrics_port)


def _serve(port: int | None, metrics_port: int | None) -> None:
    try:
        from oncofhir.review.web.build import build_app
    except ModuleNotFoundError as error:
        from oncofhir.settings.extras import install_hint

        fail(f"{error.name} is not installed. {install_hint('review')}", ExitStatus.WRONG_USAGE)
    import asyncio

    from oncofhir.consumers.health.background_server import listen
    from oncofhir.review.composition import open_review
    from oncofhir.review.metrics_server import served_metrics
    from oncofhir.review.web.serve import serve
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError
    from oncofhir.telemetry.logging import configure
    from oncofhir.telemetry.tracing.setup import tracing

    settings = _with_port(settings_or_exit(), port)

    async def serve_and_follow(tracer: "Tracer") -> None:
        async with open_review(settings, tracer) as opened:
            metrics = opened.metrics.metrics
            app = build_app(settings.review, opened.store, opened.store.client, metrics, tracer)
            listener = listen(settings.review.host, settings.review.port, "ONCOFHIR_REVIEW__PORT")
            stop = asyncio.Event()
            following = asyncio.create_task(
                opened.watcher.run(stop, settings.worklist.poll_seconds)
            )
            try:
                async with served_metrics(opened.metrics, settings, metrics_port):
                    await serve(app, listener, _print_address)
            finally:
                stop.set()
                await following

    try:
        with tracing(settings.tracing) as tracer:
            configure(settings.log, tracer=tracer)
            asyncio.run(serve_and_follow(tracer))
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)


def _with_port(settings: "Settings", port: int | None) -> "Settings":
    if port is None:
        return settings
    review = settings.review.model_copy(update={"port": port})
    return settings.model_copy(update={"review": review})


def _print_address(address: str) -> None:
    import structlog

    structlog.get_logger("oncofhir.review").info("serving", address=address)


app = new_group(review, runs_alone=True)
add(app, "watch", watch)
add(app, "agreement", agreement)
add(app, "export", export)
