"""Builds the parts of a bridge from the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from oncofhir.consumers.composition.fhir_server import SecretFile
from oncofhir.consumers.composition.pipeline import build_fhir_client
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.ingest.bridge import NewListener
from oncofhir.ingest.http.access_tokens import AccessTokens, IssuerKeys
from oncofhir.ingest.http.app import notification_app
from oncofhir.ingest.http.authentication import AnyOf, Authentication, NoCredentials, SharedSecret
from oncofhir.ingest.http.server import NotificationServer
from oncofhir.ingest.mllp.receiver import MessageReceiver
from oncofhir.ingest.mllp.server import MllpServer, tls_context
from oncofhir.ingest.publishing.event_publisher import EventPublisher
from oncofhir.ingest.subscriptions.catch_up import CatchUp
from oncofhir.ingest.subscriptions.catch_up_task import CatchUpTask
from oncofhir.ingest.subscriptions.positions import restore_positions
from oncofhir.ingest.subscriptions.receiver import Receiver
from oncofhir.ingest.subscriptions.source import SubscriptionSource
from oncofhir.ingest.subscriptions.state import SubscriptionState
from oncofhir.schemas.tracing.tracer import Tracer
from oncofhir.settings import BridgeSettings, FhirSettings, Settings, SettingsError
from oncofhir.telemetry.registry import Metrics


def http_listener(settings: Settings) -> NewListener:
    """Return how to build the HTTP endpoint.

    Raises:
        SettingsError: no authentication is set, or a file cannot be read.
    """
    authentication = build_authentication(settings.bridge)

    @asynccontextmanager
    async def listen(
        publisher: EventPublisher, metrics: Metrics, tracer: Tracer
    ) -> AsyncIterator[NotificationServer]:
        states = {
            name: SubscriptionState(name, reference)
            for name, reference in settings.bridge.subscription_references.items()
        }
        await asyncio.to_thread(restore_positions, states, settings.kafka)
        client = source_client(settings.fhir) if settings.bridge.catch_up else None
        catch_up = None
        watching = None
        if client is not None:
            catch_up = CatchUp(SubscriptionSource(client), publisher, settings.kafka)
            watch = CatchUpTask(
                states.values(),
                catch_up,
                metrics,
                gap_seconds=settings.bridge.gap_wait_seconds,
                interval_seconds=settings.bridge.search_interval_seconds,
            )
            watching = asyncio.create_task(watch.run())
        receiver = Receiver(states, publisher, settings.kafka, catch_up)
        app = notification_app(receiver, authentication, settings.bridge, metrics, tracer)
        try:
            async with NotificationServer(
                app, settings.bridge, settings.shutdown_timeout_seconds
            ) as server:
                yield server
        finally:
            if watching is not None:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
            if client is not None:
                await client.aclose()

    return listen


def source_client(settings: FhirSettings) -> FhirClient:
    """Return a client of the FHIR server that reports are read from.

    Raises:
        SettingsError: a file of its credentials cannot be read.
    """
    if settings.source_base_url and settings.source_base_url != settings.base_url:
        return build_fhir_client(settings, settings.source_base_url, settings.source_credentials)
    return build_fhir_client(settings, settings.base_url, settings.credentials)


def mllp_listener(settings: Settings) -> NewListener:
    """Return how to build the MLLP listener.

    Raises:
        SettingsError: no authentication is set, or a file cannot be read.
    """
    mllp = settings.mllp
    if mllp.tls_client_ca_file is None and not mllp.allow_anonymous:
        raise SettingsError(
            "MLLP has no authentication: set ONCOFHIR_MLLP__TLS_CERT_FILE and __TLS_CLIENT_CA_FILE, or "
            "ONCOFHIR_MLLP__ALLOW_ANONYMOUS=true in a network that only senders reach"
        )
    tls_context(mllp)

    def listen(publisher: EventPublisher, metrics: Metrics, tracer: Tracer) -> MllpServer:
        receiver = MessageReceiver(publisher, settings.kafka, mllp, settings.hl7v2, metrics, tracer)
        return MllpServer(receiver, mllp, metrics, settings.shutdown_timeout_seconds)

    return listen


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
    if settings.oauth_jwks_url and settings.oauth_issuer and settings.oauth_audience:
        keys = IssuerKeys(settings.oauth_jwks_url, settings.oauth_ca_file)
        ways.append(
            AccessTokens(keys, settings.oauth_issuer, settings.oauth_audience, settings.oauth_scope)
        )
    return AnyOf(ways) if ways else NoCredentials()
