"""Probes and metrics over HTTP, in the worker's own event loop.

`/live`: the poll loop turns. `/ready`: work is taken on. `/startup`: model, store and broker have answered
once. `/metrics`: metrics in the format of Prometheus. None needs credentials, and none holds content of a
report.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.consumers.health.bounded_http import BoundedHttp
from oncofhir.settings import HttpSettings, SettingsError

_BACKLOG = 128
_START_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class ProbeResult:
    """The answer to a probe, and what it was judged by (names and numbers of the service)."""

    ok: bool
    details: dict[str, str | int | float | bool | list[str]]


class Health(Protocol):
    """What the probes ask."""

    def live(self) -> ProbeResult: ...
    def ready(self) -> ProbeResult: ...
    def started(self) -> ProbeResult: ...


def probe_app(health: Health, render_metrics: Callable[[], bytes], metrics_type: str) -> Starlette:
    """Build the application: four paths, GET only."""

    def response_for(result: ProbeResult) -> Response:
        body = {"ok": result.ok, **result.details}
        return JSONResponse(body, status_code=200 if result.ok else 503)

    async def live(_: Request) -> Response:
        return response_for(health.live())

    async def ready(_: Request) -> Response:
        return response_for(health.ready())

    async def startup(_: Request) -> Response:
        return response_for(health.started())

    async def metrics(_: Request) -> Response:
        return Response(render_metrics(), media_type=metrics_type)

    return Starlette(
        routes=[
            Route("/live", live),
            Route("/ready", ready),
            Route("/startup", startup),
            Route("/metrics", metrics),
        ]
    )


class ProbeServer:
    """Serves an application while the context lasts. `port` is the port that it listens on."""

    def __init__(self, app: Starlette, settings: HttpSettings) -> None:
        self._settings = settings
        self._server = _Server(
            uvicorn.Config(
                app,
                http=BoundedHttp,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=2,
            )
        )
        self._serving: asyncio.Task[None] | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        try:
            listener = socket.create_server(
                (self._settings.host, self._settings.port), backlog=_BACKLOG
            )
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {self._settings.host}:{self._settings.port} "
                f"(ONCOFHIR_HTTP__PORT): {error.strerror}"
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


class _Server(uvicorn.Server):
    """Leaves the signals of the process to the worker."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
