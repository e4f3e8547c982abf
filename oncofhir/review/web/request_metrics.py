"""Counts, times and traces the answers of the page by route, which is the name of a function of `routes`."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oncofhir.schemas.tracing.tracer import NO_TRACING, SpanKind, Tracer
from oncofhir.telemetry import review_metrics as m
from oncofhir.telemetry.registry import Metrics

_NO_ROUTE = "none"
_STATIC = "static"
_UNTRACED = ("/live", "/ready", "/static/")
_SERVER_ERROR = 500


class RequestMetrics:
    """Middleware around the whole application. Addresses, which name documents, are no labels.

    Probes and static files have no spans.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, tracer: Tracer) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        tracer = NO_TRACING if scope["path"].startswith(_UNTRACED) else self._tracer
        with tracer.span(scope["method"], SpanKind.SERVER) as span:
            route, status = await self._answered(scope, receive, send)
            span.set(
                {
                    "http.request.method": scope["method"],
                    "http.response.status_code": status,
                    "oncofhir.review.route": route,
                }
            )
            if status >= _SERVER_ERROR:
                span.fail(str(status))

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> tuple[str, int]:
        """Answer a request; return its route and status."""
        began = time.monotonic()
        status = _SERVER_ERROR

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
        return route, status


def _route_of(scope: Scope) -> str:
    """What the router found: it notes it in the scope."""
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return _NO_ROUTE
    return str(getattr(endpoint, "__name__", _STATIC))
