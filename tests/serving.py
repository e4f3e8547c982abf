"""A starlette application on a real socket, for as long as the context."""

import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oncofhir.demo.process import free_port


@contextmanager
def served(app, certificate=None):
    """The URL of the application; `certificate` is a PEM file of key and chain, for HTTPS."""
    port = free_port()
    config = uvicorn.Config(
        app, port=port, log_config=None, access_log=False, ssl_certfile=certificate
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def served_fhir(
    answer: Callable[[Request], Awaitable[Response]], aclose: Callable[[], Awaitable[None]]
) -> Iterator[str]:
    """The base URL below which `answer` answers everything; `aclose` is awaited at the end, in its loop."""
    methods = ["GET", "POST", "PUT", "DELETE"]
    routes = [
        Route("/health", lambda _: Response()),
        Route("/fhir", answer, methods=methods),
        Route("/fhir/{path:path}", answer, methods=methods),
    ]

    @asynccontextmanager
    async def until_closed(_: Starlette) -> AsyncIterator[None]:
        yield
        await aclose()

    with served(Starlette(routes=routes, lifespan=until_closed)) as url:
        yield f"{url}/fhir"
