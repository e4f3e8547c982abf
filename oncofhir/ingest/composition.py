"""Builds the parts of a bridge from the settings."""

from oncofhir.consumers.composition.fhir_server import SecretFile
from oncofhir.ingest.bridge import NewListener
from oncofhir.ingest.http.app import notification_app
from oncofhir.ingest.http.authentication import AnyOf, Authentication, NoCredentials, SharedSecret
from oncofhir.ingest.http.server import NotificationServer
from oncofhir.ingest.publishing.event_publisher import EventPublisher
from oncofhir.ingest.subscriptions.receiver import Receiver
from oncofhir.settings import BridgeSettings, Settings, SettingsError
from oncofhir.telemetry.metrics import Metrics


def http_listener(settings: Settings) -> NewListener:
    """Return how to build the HTTP endpoint.

    Raises:
        SettingsError: no authentication is set, or a file cannot be read.
    """
    authentication = build_authentication(settings.bridge)

    def new(publisher: EventPublisher, metrics: Metrics) -> NotificationServer:
        receiver = Receiver(publisher, settings.kafka, metrics)
        app = notification_app(receiver, authentication, settings.bridge, metrics)
        return NotificationServer(app, settings.bridge, settings.shutdown_timeout_seconds)

    return new


def build_authentication(settings: BridgeSettings) -> Authentication:
    """Return how requests authenticate. Files are read once here, so that mistakes show at start.

    Raises:
        SettingsError: no authentication is set, or a file cannot be read.
    """
    if not settings.authenticates and not settings.allow_anonymous:
        raise SettingsError(
            "the bridge has no authentication: set ONCOFHIR_BRIDGE__SECRET_FILE, __OAUTH_JWKS_URL or "
            "__TLS_CLIENT_CA_FILE, or ONCOFHIR_BRIDGE__ALLOW_ANONYMOUS=true behind a gateway that "
            "authenticates"
        )
    ways: list[Authentication] = []
    if settings.secret_file is not None:
        secret = SecretFile(settings.secret_file)
        secret()
        ways.append(SharedSecret(settings.secret_header, secret))
    return AnyOf(ways) if ways else NoCredentials()
