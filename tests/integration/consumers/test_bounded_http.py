"""The probe server answers probes whatever else connects to it, and closes what sends no request."""

import asyncio

import httpx2
import pytest

from oncofhir.consumers.health import bounded_http
from oncofhir.consumers.health.probes import ProbeResult, ProbeServer, probe_app
from oncofhir.settings import HttpSettings

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Fine:
    def live(self):
        return ProbeResult(True, {})

    ready = started = live


@pytest.fixture
async def server(monkeypatch):
    monkeypatch.setattr(bounded_http.BoundedHttp, "header_seconds", 0.3)
    settings = HttpSettings(host="127.0.0.1", port=0)
    async with ProbeServer(probe_app(Fine(), lambda: b"", "text/plain"), settings) as running:
        yield running


async def status(server):
    async with httpx2.AsyncClient(trust_env=False) as client:
        return (await client.get(f"http://127.0.0.1:{server.port}/live", timeout=5)).status_code


@pytest.mark.parametrize(
    "sent", [b"", b"G", b"GET /live HTTP/1.1\r\n", b"GET /live HTTP/1.1\r\nHost: x\r\nA: "]
)
async def test_a_request_that_does_not_come_to_its_end_is_closed(server, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert await status(server) == 200


async def test_the_next_request_of_a_connection_must_come_to_its_end_too(server):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"}"), 5)).startswith(b"HTTP/1.1 200")
    writer.write(b"GET /li")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_probes_are_answered_while_more_connections_are_open_than_allowed(
    monkeypatch, server
):
    monkeypatch.setattr(bounded_http.BoundedHttp, "max_connections", 4)
    monkeypatch.setattr(bounded_http.BoundedHttp, "header_seconds", 60.0)
    opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(12)]
    assert [await status(server) for _ in range(3)] == [200, 200, 200]
    for _, writer in opened:
        writer.close()
