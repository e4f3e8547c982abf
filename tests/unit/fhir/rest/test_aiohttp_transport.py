"""aiohttp beneath httpx2, on a real socket."""

import asyncio
import hashlib
import ssl

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.fhir.rest.aiohttp_transport import AioHttpTransport
from tests.serving import served


@pytest.fixture(scope="module")
def server():
    async def received(request: Request) -> Response:
        body = await request.body()
        return JSONResponse(
            {
                "sha256": hashlib.sha256(body).hexdigest(),
                "length": request.headers.get("content-length"),
                "chunked": "transfer-encoding" in request.headers,
                "type": request.headers.get("content-type"),
            }
        )

    routes = [
        Route("/health", lambda _: Response()),
        Route("/fhir", received, methods=["GET", "POST", "PUT"]),
    ]
    with served(Starlette(routes=routes)) as running:
        yield running


def sent(server, method, body, headers):
    async def run():
        transport = AioHttpTransport(
            ssl.create_default_context(), connect_seconds=10, read_seconds=30
        )
        async with httpx2.AsyncClient(transport=transport) as client:
            return await client.request(method, f"{server}/fhir", content=body, headers=headers)

    answer = asyncio.run(run())
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("size", [1, 70_000, 3 * 2**20])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_of_any_size_arrives_as_it_is(server, method, size):
    """Without a warning of aiohttp: warnings are errors here."""
    body = bytes(number % 251 for number in range(size))
    found = sent(server, method, body, {"content-type": "application/fhir+json"})
    assert found == {
        "sha256": hashlib.sha256(body).hexdigest(),
        "length": str(size),
        "chunked": False,
        "type": "application/fhir+json",
    }


def test_a_request_without_a_body_has_none(server):
    found = sent(server, "GET", b"", {})
    assert (found["chunked"], found["type"]) == (False, None)
    assert found["sha256"] == hashlib.sha256().hexdigest()
