"""The application: routes, middleware and error pages around one `Page`."""

from importlib.resources import files
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from oncofhir.review.web import failures
from oncofhir.review.web.page import Page
from oncofhir.review.web.request_metrics import RequestMetrics
from oncofhir.review.web.routes import (
    agreement,
    corrections,
    health,
    refutation,
    report,
    session,
    verdicts,
    worklist,
)
from oncofhir.review.web.security import RequestLimits, SecurityHeaders

_THIS_MACHINE = ["127.0.0.1", "localhost"]
_COOKIE = "oncofhir-session"


def create_app(page: Page, session_key: str) -> ASGIApp:
    """Build the application. `session_key` signs the session cookie.

    Only names of this machine and of `public_url` are served, so that no other site can reach a page on a
    loopback address under its own name (DNS rebinding).
    """
    settings = page.settings
    public = urlsplit(settings.public_url or "")
    https = public.scheme == "https"
    hosts = [*_THIS_MACHINE, *([public.hostname] if public.hostname else [])]
    routes: list[Route | Mount] = [
        *health.ROUTES,
        *worklist.ROUTES,
        *report.ROUTES,
        *verdicts.ROUTES,
        *corrections.ROUTES,
        *refutation.ROUTES,
        *agreement.ROUTES,
        *session.ROUTES,
        Mount("/static", _static_files()),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts),
            Middleware(RequestLimits),
            Middleware(
                SessionMiddleware,
                secret_key=session_key,
                session_cookie=f"__Host-{_COOKIE}" if https else _COOKIE,
                max_age=int(settings.session_hours * 3600),
                # In a frame of another site the browser sends only such cookies.
                same_site="none" if settings.frame_ancestors and https else "lax",
                partitioned=bool(settings.frame_ancestors) and https,
                https_only=https,
            ),
        ],
        exception_handlers=cast(
            Any, {**failures.HANDLERS, **session.HANDLERS, **verdicts.HANDLERS}
        ),
    )
    app.state.page = page
    safe = SecurityHeaders(app, frame_ancestors=settings.frame_ancestors, https=https)
    return RequestMetrics(safe, page.metrics, page.tracer)


def _static_files() -> ASGIApp:
    return StaticFiles(directory=str(files("oncofhir.review.web") / "static"))
