"""What the tests of the bridge share: a running bridge, a client, and what lies on the topics."""

import asyncio
import contextlib
import json

import httpx2

from oncofhir.ingest.bridge import Bridge
from oncofhir.ingest.composition import http_listener
from oncofhir.schemas.tracing.tracer import NO_TRACING
from oncofhir.settings import BridgeSettings
from tests.integration.consumers.worker_harness import read_all, report

SECRET = "correct-horse-battery"
CREDENTIALS = {"authorization": f"Bearer {SECRET}"}
JSON = {"content-type": "application/fhir+json"}
NAME = "oncofhir-reports"


def bridge_settings(settings, tmp_path, **bridge):
    """Settings of a bridge with a shared secret, which searches nothing unless a test says so."""
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    given = {"host": "127.0.0.1", "port": 0, "secret_file": secret, "catch_up": False} | bridge
    return settings.model_copy(update={"bridge": BridgeSettings(**given)})


@contextlib.asynccontextmanager
async def running(settings, tracer=NO_TRACING):
    """A bridge, and a client of its endpoint with the right credentials."""
    bridge = Bridge(settings, [http_listener(settings)], tracer)
    serving = asyncio.create_task(bridge.run())
    try:
        while not bridge.started().ok:
            assert not serving.done(), serving.exception()
            await asyncio.sleep(0.02)
        bridge.url = f"http://127.0.0.1:{bridge.listeners[0].port}"
        headers = CREDENTIALS | JSON
        async with httpx2.AsyncClient(
            base_url=bridge.url, headers=headers, trust_env=False, timeout=30
        ) as client:
            yield bridge, client
    finally:
        bridge.stop()
        await serving


def put_path(resource, name=NAME):
    return f"/subscriptions/{name}/{resource['resourceType']}/{resource['id']}"


def records(settings, topic=None):
    """Key and JSON of each record of the reports' topic."""
    found = read_all(settings, topic or settings.kafka.diagnostic_report_topic)
    return [(r.key.decode(), json.loads(r.value)) for r in found]


__all__ = ["report"]
