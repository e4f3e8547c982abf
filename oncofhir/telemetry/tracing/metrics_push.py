"""Sends metrics to the collector in an interval, where the settings ask for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from prometheus_client import Metric as Family

from oncofhir.settings import TracingSettings
from oncofhir.telemetry.tracing.setup import check_installed


@asynccontextmanager
async def metrics_push(
    settings: TracingSettings, collect: Callable[[], Iterable[Family]]
) -> AsyncIterator[None]:
    """Send metrics while the context lasts. `collect` is called in the event loop; sending is not waited for.

    Raises:
        SettingsError: the extra `tracing` is not installed.
    """
    if not settings.metrics or settings.endpoint is None:
        yield
        return
    check_installed()
    from oncofhir.telemetry.tracing.otlp_metrics import MetricsExporter  # noqa: PLC0415 - an extra

    exporter = MetricsExporter(settings)
    sending = asyncio.create_task(_send(exporter.export, collect, settings))
    try:
        yield
    finally:
        sending.cancel()
        await asyncio.wait([sending])
        exporter.close()


async def _send(
    export: Callable[[Iterable[Family]], None],
    collect: Callable[[], Iterable[Family]],
    settings: TracingSettings,
) -> None:
    while True:
        await asyncio.sleep(settings.metrics_interval_seconds)
        await asyncio.to_thread(export, list(collect()))
