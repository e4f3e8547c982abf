"""Serves the endpoint: TLS, client certificates, limits on headers and connections, a graceful end."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import uvicorn
from starlette.applications import Starlette

from oncofhir.consumers.health.bounded_http import bounded_http
from oncofhir.settings import BridgeSettings, SettingsError

_BACKLOG = 512
_START_POLL_SECONDS = 0.01


class NotificationServer:
    """Serves an application while the context lasts. `port` is the port that it listens on.

    At the end no connection is accepted any more, and running requests are finished within `stop_seconds`.
    """

    def __init__(self, app: Starlette, settings: BridgeSettings, stop_seconds: float) -> None:
        self._settings = settings
        self._server = _Server(_config(app, settings, stop_seconds))
        self._serving: asyncio.Task[None] | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        host, port = self._settings.host, self._settings.port
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {host}:{port} (ONCOFHIR_BRIDGE__PORT): {error.strerror}"
            ) from error
        self.port = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._serving.done():  # noqa: ASYNC110 - uvicorn's flag
            await asyncio.sleep(_START_POLL_SECONDS)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await asyncio.wait([self._serving])


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
    )
    try:
        config.load()
    except (OSError, ValueError) as error:
        raise SettingsError(
            "ONCOFHIR_BRIDGE__TLS_CERT_FILE, __TLS_KEY_FILE or __TLS_CLIENT_CA_FILE cannot be used: "
            f"{getattr(error, 'reason', None) or getattr(error, 'strerror', None) or 'no PEM'}"
        ) from error
    return config


class _Server(uvicorn.Server):
    """Leaves the signals of the process to the bridge."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
