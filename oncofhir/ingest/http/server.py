"""Serves the endpoint: TLS, client certificates, limits on headers and connections, a graceful end."""

import asyncio
import socket
import ssl
from pathlib import Path

import structlog
import uvicorn
from starlette.applications import Starlette

from oncofhir.consumers.health.background_server import BackgroundServer, SignalFreeServer
from oncofhir.consumers.health.bounded_http import bounded_http
from oncofhir.settings import BridgeSettings, SettingsError

_BACKLOG = 512
_HANDSHAKE_SECONDS = 5.0
_RELOAD_SECONDS = 30

log = structlog.get_logger(__name__)


class NotificationServer(BackgroundServer):
    """Serves an application while the context lasts. `port` is the port that it listens on.

    At the end no connection is accepted any more, and running requests are finished within `stop_seconds`.
    """

    def __init__(self, app: Starlette, settings: BridgeSettings, stop_seconds: float) -> None:
        server = _Server(_config(app, settings, stop_seconds))
        super().__init__(server, settings.host, settings.port, "ONCOFHIR_BRIDGE__PORT")


def _config(app: Starlette, settings: BridgeSettings, stop_seconds: float) -> uvicorn.Config:
    demands_certificate = settings.tls_client_ca_file is not None
    config = uvicorn.Config(
        app,
        http=bounded_http(settings.header_timeout_seconds, settings.max_connections),
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=max(1, int(stop_seconds)),
        ssl_certfile=settings.tls_cert_file,
        ssl_keyfile=settings.tls_key_file,
        ssl_ca_certs=str(settings.tls_client_ca_file) if demands_certificate else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if demands_certificate else ssl.CERT_NONE,
        timeout_notify=_RELOAD_SECONDS,
    )
    try:
        config.load()
    except (OSError, ValueError) as error:
        raise SettingsError(
            "ONCOFHIR_BRIDGE__TLS_CERT_FILE, __TLS_KEY_FILE or __TLS_CLIENT_CA_FILE cannot be used: "
            f"{getattr(error, 'reason', None) or getattr(error, 'strerror', None) or 'no PEM'}"
        ) from error
    if settings.tls_cert_file is not None and config.ssl is not None:
        renewal = _Renewal(config.ssl, settings.tls_cert_file, settings.tls_key_file)
        config.callback_notify = renewal.check
    return config


class _Renewal:
    """Loads a certificate again that was renewed, for the connections from then on."""

    def __init__(self, context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
        self._context = context
        self._certificate = certificate
        self._key = key
        self._seen = certificate.stat().st_mtime_ns

    async def check(self) -> None:
        """Load the files if the certificate has changed; a broken one leaves the old one in use."""
        try:
            changed = self._certificate.stat().st_mtime_ns
            if changed != self._seen:
                self._context.load_cert_chain(self._certificate, self._key)
                self._seen = changed
                log.info("certificate renewed")
        except (OSError, ValueError) as error:
            log.warning("the renewed certificate cannot be used", error=type(error).__name__)


class _Server(SignalFreeServer):
    """Bounds the time of a TLS handshake."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen as uvicorn does, which leaves a minute to a client that opens TLS and sends nothing."""
        config = self.config
        if not sockets or config.ssl is None:
            return await super().startup(sockets)

        def protocol() -> asyncio.Protocol:
            return config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self.server_state, app_state={}
            )

        self.servers = [
            await asyncio.get_running_loop().create_server(
                protocol,
                sock=each,
                ssl=config.ssl,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
                backlog=_BACKLOG,
            )
            for each in sockets
        ]
        self.started = True
        return None
