"""The endpoint that FHIR servers notify.

`POST /subscriptions/NAME`: a notification Bundle, a resource, or an empty body.
`PUT /subscriptions/NAME/TYPE/ID` (R4 rest-hook with payload): a resource; `DELETE`: its deletion.
"""

from collections.abc import Awaitable, Callable

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oncofhir.ingest.http.authentication import Authentication
from oncofhir.ingest.http.body import BodyReader
from oncofhir.ingest.http.refusal import Refusal, accepted, outcome, refusal_of
from oncofhir.ingest.subscriptions.receiver import ForeignSubscription, Notification, Receiver
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.tracing.trace_context import TraceContext
from oncofhir.schemas.tracing.tracer import NO_TRACING, SpanKind, Tracer
from oncofhir.settings import BridgeSettings
from oncofhir.telemetry import ingest_metrics as m
from oncofhir.telemetry.logging import described
from oncofhir.telemetry.registry import Metrics

log = structlog.get_logger(__name__)


def notification_app(
    receiver: Receiver,
    authentication: Authentication,
    settings: BridgeSettings,
    metrics: Metrics,
    tracer: Tracer = NO_TRACING,
) -> Starlette:
    """Build the application."""
    bodies = BodyReader(
        settings.max_body_bytes,
        settings.max_pending_bytes,
        settings.body_timeout_seconds,
        settings.retry_after_seconds,
    )

    async def notify(request: Request) -> None:
        await authentication.check(request.headers)
        name = request.path_params["name"]
        if name not in settings.subscription_references:
            raise Refusal(
                404, "not-found", "no such subscription: see ONCOFHIR_BRIDGE__SUBSCRIPTIONS"
            )
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refusal(415, "not-supported", "compressed notifications are not read")
        body = await bodies.read(request)
        content_type = request.headers.get("content-type", "")
        if body.strip() and "xml" in content_type.lower():
            wanted = "set the Subscription's payload to application/fhir+json"
            raise Refusal(415, "not-supported", f"FHIR XML is not read: {wanted}")
        kind, ident = request.path_params.get("type"), request.path_params.get("id")
        await receiver.receive(
            Notification(
                name=name,
                body=body,
                content_type=content_type,
                reference=f"{kind}/{ident}" if kind and ident else None,
                deleted=request.method == "DELETE",
                trace=tracer.current() or _trace_of(request),
            )
        )

    endpoint = _answering(notify, settings, metrics, tracer)
    return Starlette(
        routes=[
            Route("/subscriptions/{name}", endpoint, methods=["POST"]),
            Route("/subscriptions/{name}/{type}/{id}", endpoint, methods=["PUT", "POST", "DELETE"]),
        ]
    )


def _answering(
    notify: Callable[[Request], Awaitable[None]],
    settings: BridgeSettings,
    metrics: Metrics,
    tracer: Tracer,
) -> Callable[[Request], Awaitable[Response]]:
    """Turn what `notify` raises into an answer, count it, and log a refusal without its content.

    The span follows OpenTelemetry's conventions for HTTP servers, without the path: it holds ids.
    Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
    """

    async def answer(request: Request) -> Response:
        route = request.scope["route"].path
        span = tracer.start(
            f"{request.method} {route}",
            SpanKind.SERVER,
            {"http.request.method": request.method, "http.route": route},
            parent=_trace_of(request),
        )
        try:
            with tracer.use(span):
                response = await outcome_of(request)
            span.set({"http.response.status_code": response.status_code})
            if response.status_code >= 500:  # noqa: PLR2004 - only these are the server's failures
                span.fail(str(response.status_code))
        finally:
            span.finish()
        return response

    async def outcome_of(request: Request) -> Response:
        try:
            await notify(request)
            response = accepted()
        except Refusal as refusal:
            response = _refuse(refusal)
        except ForeignSubscription as error:
            response = _refuse(Refusal(403, "forbidden", str(error)))
        except OncofhirError as error:
            response = _refuse(refusal_of(error, settings.retry_after_seconds))
        except Exception as error:  # noqa: BLE001 - an internal error, whose message may quote a report
            log.error("notification failed", **described(error))  # noqa: TRY400 - no traceback: it may quote PHI
            response = outcome(500, "fatal", "exception", "internal error", {})
        metrics.count(m.BRIDGE_REQUESTS, str(response.status_code))
        return response

    return answer


def _trace_of(request: Request) -> TraceContext | None:
    return TraceContext.from_headers(
        (name, value.encode("latin-1")) for name, value in request.headers.items()
    )


def _refuse(refusal: Refusal) -> Response:
    log.warning("notification refused", status=refusal.status, reason=str(refusal))
    return refusal.response()
