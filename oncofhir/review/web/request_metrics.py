"""Counts and times the answers of the page by route, which is the name of a function of `routes`."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oncofhir.telemetry import review_metrics as m
from oncofhir.telemetry.registry import Metrics

_NO_ROUTE = "none"
_STATIC = "static"


class RequestMetrics:
    """Middleware around the whole application. Addresses, which name documents, are no labels."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            route = _route_of(scope)
            self._metrics.count(m.REVIEW_REQUESTS, route, str(status))
            self._metrics.observe(m.REVIEW_REQUEST_SECONDS, time.monotonic() - began, route)


def _route_of(scope: Scope) -> str:
    """What the router found: it notes it in the scope."""
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return _NO_ROUTE
    return str(getattr(endpoint, "__name__", _STATIC))
