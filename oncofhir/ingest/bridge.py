"""The bridge: listeners for what EHRs send, a publisher for the input topics, probes."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import structlog

from oncofhir import __version__
from oncofhir.consumers.health.probes import ProbeResult, ProbeServer, probe_app
from oncofhir.consumers.health.startup_checks import wait_until_available
from oncofhir.consumers.health.termination import on_termination
from oncofhir.ingest.publishing.event_publisher import EventPublisher
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import Settings
from oncofhir.telemetry import ingest_metrics as m
from oncofhir.telemetry.registry import Metrics

log = structlog.get_logger(__name__)

Listener = AbstractAsyncContextManager[Any]
"""Takes in events while the context lasts; its end finishes what it has begun."""

NewListener = Callable[[EventPublisher, Metrics, Tracer], Listener]


class Bridge:
    """Runs the listeners until `stop`, SIGTERM or SIGINT. Create and run it in one event loop, once."""

    def __init__(
        self, settings: Settings, listeners: Sequence[NewListener], tracer: Tracer = NO_TRACING
    ) -> None:
        self._settings = settings
        self._tracer = tracer
        self._new_listeners = listeners
        self._metrics = Metrics(m.INGEST_DEFINITIONS)
        self._stopping = asyncio.Event()
        self._is_started = False
        self._waiting_for = ""
        self.publisher = EventPublisher(
            settings.kafka,
            timeout_seconds=settings.bridge.publish_timeout_seconds,
            max_pending_bytes=settings.bridge.max_pending_bytes,
            metrics=self._metrics,
            tracer=tracer,
        )
        self.listeners: tuple[Any, ...] = ()
        self.probe_port = 0

    async def run(self) -> None:
        """Serve until stopped; then finish running requests and close the publisher.

        Raises:
            SettingsError: a topic is missing, a port is in use or a file cannot be read.
            AccessDenied: the broker refuses the credentials.
        """
        probes = probe_app(self, self.render_metrics, self._metrics.content_type)
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(ProbeServer(probes, self._settings.http))
            self.probe_port = server.port
            stack.enter_context(on_termination(self.stop))
            await stack.enter_async_context(self.publisher)
            if await self._wait_for_broker():
                new = [
                    make(self.publisher, self._metrics, self._tracer)
                    for make in self._new_listeners
                ]
                self.listeners = tuple([await stack.enter_async_context(each) for each in new])
                self._is_started = True
                log.info("bridge started", version=__version__, http_port=server.port)
                await self._stopping.wait()
                log.info("bridge stopping")
        log.info("bridge stopped")

    def stop(self) -> None:
        """Shut down gracefully."""
        self._stopping.set()

    def live(self) -> ProbeResult:
        """Return ok: the event loop turns."""
        return ProbeResult(ok=True, details={})

    def ready(self) -> ProbeResult:
        """Return whether the bridge listens; during an outage of the broker it answers with 503."""
        stopping = self._stopping.is_set()
        details: dict[str, str | int | float | bool | list[str]] = {
            "broker_available": self.publisher.is_available,
            "stopping": stopping,
        }
        if self._waiting_for:
            details["waiting_for"] = self._waiting_for
        return ProbeResult(self._is_started and not stopping, details)

    def started(self) -> ProbeResult:
        """Return whether the broker has answered once and the listeners listen."""
        return ProbeResult(self._is_started, {})

    def render_metrics(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        self._metrics.set(m.INGEST_BROKER_AVAILABLE, self.publisher.is_available)
        return self._metrics.exposed()

    def _set_waiting_for(self, dependency: str) -> None:
        self._waiting_for = dependency

    async def _wait_for_broker(self) -> bool:
        """Wait for the broker and check the topics. Return False when the bridge is stopped instead."""

        async def check_topics() -> None:
            if self._settings.kafka.check_topics:
                await self.publisher.check_topics(self._settings.kafka.live_topics)

        for name, request in (("broker", self.publisher.connect), ("topics", check_topics)):
            if not await wait_until_available(name, request, self._stopping, self._set_waiting_for):
                return False
        return True
