"""Response headers and request limits of every page (OWASP Secure Headers; no PHI in the browser's cache)."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 256 * 1024
_WRITES = {"POST", "PUT", "PATCH", "DELETE"}
STATIC = "/static/"
_KEPT = "public, max-age=31536000, immutable"  # their addresses change with their content


def content_security_policy(frame_ancestors: str) -> str:
    """The policy: scripts, styles and requests of this origin only, nothing inline."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors " + (frame_ancestors or "'none'"),
        )
    )


class SecurityHeaders:
    """Adds the headers to every response, also to errors."""

    def __init__(self, app: ASGIApp, *, frame_ancestors: str = "", https: bool = False) -> None:
        self._app = app
        self._headers = {
            "content-security-policy": content_security_policy(frame_ancestors),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
        }
        if https:
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                is_static = str(scope.get("path", "")).startswith(STATIC)
                headers["cache-control"] = _KEPT if is_static else "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class RequestLimits:
    """Refuses large bodies, and writes that another site sent (Fetch Metadata)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in _WRITES:
            refusal = _refusal(Headers(scope=scope))
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refusal(headers: Headers) -> PlainTextResponse | None:
    if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return PlainTextResponse("This form was sent by another site.", 403)
    length = headers.get("content-length", "")
    if not length.isdigit():
        return PlainTextResponse("The request must state its length.", 411)
    if int(length) > MAX_BODY_BYTES:
        return PlainTextResponse("The request is too large.", 413)
    return None
