"""Spans of HTTP requests, by OpenTelemetry's semantic conventions for HTTP clients.

Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/. `url.full` is left out, because a FHIR
URL holds ids and search values; `url.template` has the resource type and placeholders.
"""

import re
from contextlib import AbstractContextManager
from urllib.parse import urlsplit

from oncofhir.fhir.references import relative_to
from oncofhir.schemas.tracing.tracer import Attributes, Span, SpanKind, Tracer

_KINDS_OF_PATHS = re.compile(r"[A-Z][A-Za-z]{1,63}|_history|_search|metadata|\$[a-z-]{1,64}")
_MAX_PARTS = 6


def request_span(
    tracer: Tracer, method: str, address: str, base_url: str
) -> AbstractContextManager[Span]:
    """The span of one request, current within the context."""
    template = url_template(address, base_url)
    return tracer.span(
        f"{method} {template}",
        SpanKind.CLIENT,
        {
            "http.request.method": method,
            "url.template": template,
            **_server(address, base_url),
        },
    )


def url_template(address: str, base_url: str) -> str:
    """Return the path below the server's base with placeholders for ids: `/Observation/{id}`.

    A search is `/Observation?{query}`. An address of another server is `{attachment}`.
    """
    path = "" if address.rstrip("/") == base_url.rstrip("/") else relative_to(base_url, address)
    if path is None:
        return "{attachment}"
    before, mark, _ = path.partition("?")
    parts = [part for part in before.split("/") if part][:_MAX_PARTS]
    shown = [part if _KINDS_OF_PATHS.fullmatch(part) else "{id}" for part in parts]
    return "/" + "/".join(shown) + ("?{query}" if mark else "")


def _server(address: str, base_url: str) -> Attributes:
    """The server's name and port; of another server's address, which a report gave, neither."""
    if relative_to(base_url, address.rstrip("/") + "/") is None:
        return {}
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}
