"""Probes and metrics over HTTP, in the worker's own event loop.

`/live`: the poll loop turns. `/ready`: work is taken on. `/startup`: model, store and broker have answered
once. `/metrics`: metrics in the format of Prometheus. None needs credentials, and none holds content of a
report.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.consumers.health.background_server import BackgroundServer, SignalFreeServer
from oncofhir.consumers.health.bounded_http import BoundedHttp
from oncofhir.settings import HttpSettings


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


class ProbeServer(BackgroundServer):
    """Serves the probes while the context lasts. `port` is the port that it listens on.

    `setting` names where the port is set, for the error of a port in use.
    """

    def __init__(
        self, app: Starlette, settings: HttpSettings, setting: str = "ONCOFHIR_HTTP__PORT"
    ) -> None:
        config = uvicorn.Config(
            app,
            http=BoundedHttp,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        super().__init__(SignalFreeServer(config), settings.host, settings.port, setting)
