"""`oncofhir worker`: the service."""

import asyncio
import gc
from typing import TYPE_CHECKING

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, fail

if TYPE_CHECKING:
    from oncofhir.schemas.tracing.tracer import Tracer
    from oncofhir.settings import Settings


def worker() -> None:
    """Run the service: read reports from Kafka, write findings to the FHIR server and to Kafka.

    It is configured by environment variables (`oncofhir config show`). It logs JSON on stdout, or columns
    on a terminal, and serves /live, /ready, /startup and /metrics on ONCOFHIR_HTTP__PORT. At start it waits
    for the broker, the model server and the FHIR server. SIGTERM stops it gracefully. With
    ONCOFHIR_TRACING__ENDPOINT it sends a trace of each report to an OpenTelemetry collector.

    Examples:
        export ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS=kafka:9092
        export ONCOFHIR_FHIR__BASE_URL=https://fhir.hospital.example/fhir
        export ONCOFHIR_MODEL__URL=http://tgi:8080
        oncofhir worker

    Exit status: 0 stopped; 1 dead-letter limit exceeded or internal error; 2 wrong settings or a missing
    topic; 3 a dependency refuses access.
    """
    from oncofhir.consumers.composition.pipeline import build_parsing_pool, build_pipeline
    from oncofhir.consumers.worker import Worker
    from oncofhir.schemas.errors import OncofhirError, TooManyDeadLetters
    from oncofhir.settings import SettingsError, refuse_own_port, refuse_shared_topics
    from oncofhir.telemetry.logging import configure, described
    from oncofhir.telemetry.tracing.metrics_push import metrics_push
    from oncofhir.telemetry.tracing.setup import tracing

    settings = settings_or_exit()
    configure(settings.log)

    async def run(tracer: "Tracer") -> None:
        pool = build_parsing_pool(settings)
        try:
            way = build_pipeline(settings, pool.parse, tracer)
            running = Worker(
                settings,
                way,
                way.model_queue,
                tracer=tracer,
                unavailable_hosts=way.unavailable_hosts,
            )
            # what is loaded by now stays: each full collection would look at it again
            gc.collect()
            gc.freeze()
            async with metrics_push(settings.tracing, running.status.collect_metrics):
                await running.run()
        finally:
            await pool.aclose()

    try:
        refuse_shared_topics(settings)
        refuse_own_port(settings)
        _warn_about_placeholder(settings)
        with tracing(settings.tracing) as tracer:
            configure(settings.log, tracer=tracer)
            asyncio.run(run(tracer))
    except SettingsError as error:
        fail(_with_notes(error), ExitStatus.WRONG_USAGE)
    except TooManyDeadLetters as error:
        fail(f"halted: {_with_notes(error)}", ExitStatus.WRONG_RESULT)
    except OncofhirError as error:
        fail(f"halted: {_with_notes(error)}", ExitStatus.UNREACHABLE)
    except Exception as error:  # noqa: BLE001 - an internal error, whose message may quote a report
        where = " ".join(f"{name}={value}" for name, value in described(error).items())
        fail(f"halted by an internal error: {where}", ExitStatus.WRONG_RESULT)


def _warn_about_placeholder(settings: "Settings") -> None:
    """Identifiers are permanent: a change of their system duplicates every stored resource."""
    import structlog

    from oncofhir.settings import FhirSettings

    if settings.fhir.identifier_system == FhirSettings().identifier_system:
        structlog.get_logger(__name__).warning(
            "identifier system is the placeholder",
            setting="ONCOFHIR_FHIR__IDENTIFIER_SYSTEM",
            remedy="set it to a URI that you own before the first write",
        )


def _with_notes(error: Exception) -> str:
    """An error with the record at which it was met and the remedy, as the worker noted them."""
    return "; ".join((str(error), *getattr(error, "__notes__", ())))
