"""`oncofhir bridge`: takes in what EHRs send that cannot publish to Kafka."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail

if TYPE_CHECKING:
    from oncofhir.schemas.tracing.tracer import Tracer


def bridge(
    mllp: Annotated[
        bool,
        typer.Option("--mllp", help="Listen for HL7 v2 messages (MLLP) in place of notifications."),
    ] = False,
    http: Annotated[
        bool,
        typer.Option("--http", help="With --mllp: listen for notifications too."),
    ] = False,
) -> None:
    """Take in FHIR Subscription notifications or HL7 v2 messages, and write each event to its Kafka topic.

    A FHIR server notifies http://HOST:8095/subscriptions/NAME (ONCOFHIR_BRIDGE__PORT, __SUBSCRIPTIONS). The
    answer is 2xx only when the broker has the event, and 503 with Retry-After while it has not. Notifications
    authenticate by a shared secret, an access token or a client certificate. Probes and metrics are served on
    ONCOFHIR_HTTP__PORT.

    With --mllp it listens on ONCOFHIR_MLLP__PORT (2575) for ORU^R01 and MDM messages, which become
    DiagnosticReports and DocumentReferences. A positive acknowledgement (AA, CA) says that the broker has the
    reports; AE or CE, that the sender should send again later; AR or CR, that the message cannot be accepted.
    Refused messages are dead letters too. Senders authenticate by a client certificate.

    It logs JSON on stdout, or columns on a terminal. With ONCOFHIR_TRACING__ENDPOINT each notification or
    message begins or continues a trace. SIGTERM stops it gracefully.

    Examples:
        export ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS=kafka:9092
        export ONCOFHIR_FHIR__BASE_URL=https://fhir.hospital.example/fhir
        export ONCOFHIR_BRIDGE__SECRET_FILE=bridge-secret.txt
        oncofhir bridge
        ONCOFHIR_MLLP__ALLOW_ANONYMOUS=true oncofhir bridge --mllp

    Exit status: 0 stopped; 1 internal error; 2 wrong settings, a missing topic or a port in use; 3 the broker
    refuses access.
    """
    from oncofhir.ingest.bridge import Bridge
    from oncofhir.ingest.composition import http_listener, mllp_listener
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError
    from oncofhir.telemetry.logging import configure, described
    from oncofhir.telemetry.tracing.setup import tracing

    settings = settings_or_exit()
    configure(settings.log)

    async def run(tracer: "Tracer") -> None:
        listeners = [mllp_listener(settings)] if mllp else []
        if http or not mllp:
            listeners.append(http_listener(settings))
        await Bridge(settings, listeners, tracer).run()

    try:
        with tracing(settings.tracing) as tracer:
            asyncio.run(run(tracer))
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    except Exception as error:  # noqa: BLE001 - an internal error, whose message may quote a report
        where = " ".join(f"{name}={value}" for name, value in described(error).items())
        fail(f"halted by an internal error: {where}", ExitStatus.WRONG_RESULT)
