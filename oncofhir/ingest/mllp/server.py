"""Listens for MLLP connections: TLS, client certificates, limits of size, time and number, a graceful end."""

import asyncio
import ssl
from contextlib import suppress
from typing import Self

import structlog

from oncofhir.consumers.health.background_server import listen
from oncofhir.ingest.mllp.framing import Frame, FrameReader, Framing, framed
from oncofhir.ingest.mllp.receiver import MessageReceiver
from oncofhir.settings import MllpSettings, SettingsError
from oncofhir.telemetry import ingest_metrics as m
from oncofhir.telemetry.registry import Metrics

log = structlog.get_logger(__name__)

_CHUNK_BYTES = 64 * 1024
_WRITE_SECONDS = 10.0


class MllpServer:
    """Serves while the context lasts. `port` is the port that it listens on.

    Messages of one connection are answered in their order, one at a time. At the end no connection is
    accepted any more, and messages that have arrived are answered within `stop_seconds`.
    """

    def __init__(
        self,
        receiver: MessageReceiver,
        settings: MllpSettings,
        metrics: Metrics,
        stop_seconds: float,
    ) -> None:
        self._receiver = receiver
        self._settings = settings
        self._metrics = metrics
        self._stop_seconds = stop_seconds
        self._server: asyncio.Server | None = None
        self._stopping = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        host, port = self._settings.host, self._settings.port
        context = tls_context(self._settings)
        listener = listen(host, port, "ONCOFHIR_MLLP__PORT")
        self._server = await asyncio.start_server(
            self._serve, sock=listener, ssl=context, limit=_CHUNK_BYTES
        )
        self.port = self._server.sockets[0].getsockname()[1]
        log.info("MLLP listens", port=self.port, tls=context is not None)
        return self

    async def __aexit__(self, *error: object) -> None:
        del error
        self._stopping.set()
        if self._server is not None:
            self._server.close()
        if self._connections:
            late: set[asyncio.Task[None]]
            _, late = await asyncio.wait(self._connections, timeout=self._stop_seconds)
            for connection in late:
                connection.cancel()
            if late:
                await asyncio.wait(late)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - asyncio runs this in a task
            return
        if len(self._connections) >= self._settings.max_connections or self._stopping.is_set():
            self._metrics.count(m.MLLP_REFUSED_CONNECTIONS)
            log.warning("MLLP connection refused", connections=len(self._connections))
            writer.transport.abort()
            return
        self._connections.add(task)
        self._metrics.set(m.MLLP_CONNECTIONS, len(self._connections))
        try:
            await self._talk(reader, writer)
        except (OSError, TimeoutError, ssl.SSLError) as error:
            log.info("MLLP connection ended", cause=type(error).__name__)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)
            self._metrics.set(m.MLLP_CONNECTIONS, len(self._connections))
            writer.close()
            with suppress(OSError, TimeoutError, ssl.SSLError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer frames until the sender ends, is silent for too long, or the server stops."""
        frames = FrameReader(self._settings.max_message_bytes)
        loop = asyncio.get_running_loop()
        began: float | None = None
        while not (self._stopping.is_set() and not frames.is_inside):
            limit = self._settings.idle_timeout_seconds
            if began is not None:
                limit = began + self._settings.message_timeout_seconds - loop.time()
            data = await self._read(reader, max(limit, 0.0))
            if not data:
                for frame in frames.finish():
                    await self._answer(frame, writer)
                return
            for frame in frames.feed(data):
                if not await self._answer(frame, writer):
                    return
                began = None
            if not frames.is_inside:
                began = None
            elif began is None:
                began = loop.time()

    async def _read(self, reader: asyncio.StreamReader, seconds: float) -> bytes:
        """Read what there is; empty at the end of the stream, after the time, or when the server stops."""
        reading = asyncio.ensure_future(reader.read(_CHUNK_BYTES))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait(
                {reading, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            return reading.result() if reading.done() else b""
        finally:
            for waiting in (reading, stopping):
                waiting.cancel()

    async def _answer(self, frame: Frame, writer: asyncio.StreamWriter) -> bool:
        """Answer a frame; return whether the connection stays open."""
        if frame.framing is Framing.OUTSIDE:
            self._metrics.count(m.MLLP_MESSAGES, "ignored", "outside-frame")
            log.warning("MLLP: bytes outside of a frame are ignored")
            return True
        answer = await self._receiver.receive(frame)
        if answer is not None:
            writer.write(framed(answer))
            async with asyncio.timeout(_WRITE_SECONDS):
                await writer.drain()
        return True


def tls_context(settings: MllpSettings) -> ssl.SSLContext | None:
    """Return how connections are encrypted; None without a certificate.

    Raises:
        SettingsError: a file cannot be used.
    """
    if settings.tls_cert_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
        if settings.tls_client_ca_file is not None:
            context.load_verify_locations(settings.tls_client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        raise SettingsError(
            "ONCOFHIR_MLLP__TLS_CERT_FILE, __TLS_KEY_FILE or __TLS_CLIENT_CA_FILE cannot be used: "
            f"{getattr(error, 'reason', None) or getattr(error, 'strerror', None) or 'no PEM'}"
        ) from error
    return context
