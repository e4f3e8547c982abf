"""How soon a dependency that is out is probed."""

import asyncio

import pytest

from oncofhir.consumers.processing import outages
from oncofhir.consumers.processing.failure_policy import Dependency
from oncofhir.consumers.processing.outages import OutageMonitor
from oncofhir.settings import RetrySettings


@pytest.mark.parametrize(
    ("dependency", "is_soon"), [(Dependency.MODEL, True), (Dependency.STORE, False)]
)
def test_a_model_server_is_probed_soon_however_long_the_delays_are(
    monkeypatch, dependency, is_soon
):
    monkeypatch.setattr(outages, "MODEL_PROBE_SECONDS", 0.01)
    settings = RetrySettings(initial_delay_seconds=60, max_delay_seconds=60)

    async def go():
        probed = asyncio.Event()

        async def probe():
            probed.set()

        monitor = OutageMonitor(settings, probe=probe, on_change=lambda: None, halt=lambda _: None)
        running = asyncio.create_task(monitor.run())
        for number in range(settings.circuit_breaker_threshold):
            monitor.record_failure(dependency, f"document {number}")
        assert monitor.open == (dependency,)
        try:
            await asyncio.wait_for(probed.wait(), 5 if is_soon else 0.5)
        except TimeoutError:
            return False
        finally:
            running.cancel()
        return True

    assert asyncio.run(go()) is is_soon
