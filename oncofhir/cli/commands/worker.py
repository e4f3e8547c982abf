"""`oncofhir worker`: the service."""

import asyncio

import structlog

from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.exit_status import Exit, fail
from oncofhir.settings import FhirSettings, Settings


def worker() -> None:
    """Run the service until SIGTERM: reports from Kafka, findings to the FHIR server and to Kafka.

    It is configured by the environment (see: oncofhir config show), logs JSON on stdout (a console
    format on a terminal) and answers /live, /ready, /startup and /metrics on ONCOFHIR_HTTP__PORT.
    It waits for the broker, the model and the store at start. Exit status: 0 stopped, 1 too much was
    dead-lettered or a fault of ours, 2 wrong settings or a missing topic, 3 a dependency refuses it.
    """
    from oncofhir.consumers.composition.pipeline import build_parsing_pool, build_pipeline
    from oncofhir.consumers.worker import Worker
    from oncofhir.schemas.errors import OncofhirError, TooManyDeadLetters
    from oncofhir.settings import SettingsError, refuse_own_port, refuse_shared_topics
    from oncofhir.telemetry.logging import configure, described

    settings = settings_or_exit()
    configure(settings.log)

    async def run() -> None:
        pool = build_parsing_pool(settings)
        try:
            way = build_pipeline(settings, pool.parse)
            await Worker(settings, way, way.model_queue).run()
        finally:
            await pool.aclose()

    try:
        refuse_shared_topics(settings)
        refuse_own_port(settings)
        _warn_of_a_placeholder(settings)
        asyncio.run(run())
    except SettingsError as error:
        fail(str(error), Exit.WRONG_USAGE)
    except TooManyDeadLetters as error:
        fail(f"halted: {error}", Exit.WRONG_RESULT)
    except OncofhirError as error:
        fail(f"halted: {error}", Exit.UNREACHABLE)
    except Exception as error:  # noqa: BLE001 - a fault of ours, whose message may quote a report
        where = " ".join(f"{name}={said}" for name, said in described(error).items())
        fail(f"halted by a fault: {where}", Exit.WRONG_RESULT)


def _warn_of_a_placeholder(settings: Settings) -> None:
    """Identifiers are forever: a change of their system makes all that is stored another's."""
    if settings.fhir.identifier_system == FhirSettings().identifier_system:
        structlog.get_logger(__name__).warning(
            "identifiers are of a placeholder's system",
            setting="ONCOFHIR_FHIR__IDENTIFIER_SYSTEM",
            remedy="set it to a URI of yours before anything is written",
        )
