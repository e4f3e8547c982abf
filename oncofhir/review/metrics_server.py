"""Probes and metrics of the review page and its watcher, on a port of their own: the page is for browsers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from oncofhir.consumers.health.probes import ProbeServer, probe_app
from oncofhir.review.watch.watch_metrics import WatchMetrics
from oncofhir.settings import Settings
from oncofhir.telemetry.tracing.metrics_push import metrics_push


@asynccontextmanager
async def served_metrics(
    watch: WatchMetrics, settings: Settings, port: int | None
) -> AsyncIterator[None]:
    """Serve probes and metrics while the context lasts, and send the metrics to a collector if it is set.

    Without a port nothing is served.

    Raises:
        SettingsError: the port is in use, or the extra `tracing` is not installed.
    """
    metrics = watch.metrics
    async with metrics_push(settings.tracing, metrics.collect):
        if port is None:
            yield
            return
        app = probe_app(watch, metrics.exposed, metrics.content_type)
        http = settings.http.model_copy(update={"port": port})
        async with ProbeServer(app, http, "--metrics-port") as server:
            structlog.get_logger("oncofhir.review").info("serving metrics", port=server.port)
            yield
