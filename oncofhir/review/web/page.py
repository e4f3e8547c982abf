"""What the routes share: the findings, the sessions, the templates, and the checks of every request."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import structlog
from jinja2 import Environment
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from oncofhir.review.access.logins import Logins
from oncofhir.review.access.sessions import Sessions
from oncofhir.review.access.users import User
from oncofhir.review.store import ReviewStore
from oncofhir.review.web.rendering import context_of
from oncofhir.schemas.outcome import ReviewStatus
from oncofhir.schemas.review import (
    PageRequest,
    ReportView,
    Reviewer,
    Verdict,
    VerdictOutcome,
    WorklistFilter,
    WorklistItem,
)
from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import ReviewSettings
from oncofhir.telemetry import review_metrics as m
from oncofhir.telemetry.registry import Metrics

log = structlog.get_logger("oncofhir.review")

THEME_COOKIE = "oncofhir-theme"
_AT_ONCE = 500
_PART = "oncofhir-page"  # the page's script swaps in nothing without it
Audit = Callable[[User, ReportView], Awaitable[None]]


class NotLoggedIn(Exception):
    """No session, or an expired one."""


class Forbidden(Exception):
    """The user's role does not allow it. The message is for the user."""


class StaleForm(Exception):
    """A form without a valid token: it may come from another site, or from another user's session."""


@dataclass(frozen=True)
class Page:
    """The page of one process. `local` is the user of single-user mode, else None.

    `audit` records a view of a report before it is shown, and raises if it cannot.
    """

    store: ReviewStore
    settings: ReviewSettings
    sessions: Sessions
    logins: Logins | None
    templates: Environment
    audit: Audit
    metrics: Metrics
    local: User | None = None
    tracer: Tracer = NO_TRACING

    def user(self, request: Request) -> User:
        """The user of a request.

        Raises:
            NotLoggedIn: nobody is logged in, or the session expired.
        """
        user = self.local or self.sessions.user(request.session)
        if user is None:
            raise NotLoggedIn
        return user

    def reviewer(self, request: Request) -> User:
        """The user, who may decide.

        Raises:
            NotLoggedIn; Forbidden: an auditor.
        """
        user = self.user(request)
        if not user.role.may_decide:
            raise Forbidden("An auditor sees findings and decides none.")
        return user

    async def form(self, request: Request, user: User) -> FormData:
        """The form that a user sent.

        Raises:
            StaleForm: it was not rendered for this user.
        """
        form = await request.form(max_files=0, max_fields=2_000)
        token = form.get("form_token")
        if not self.sessions.is_form_token(token if isinstance(token, str) else None, user):
            raise StaleForm
        return form

    async def decide(
        self, verdict: Verdict, reviewer: Reviewer, expected_version: str | None
    ) -> VerdictOutcome:
        """As `ReviewStore.decide`; log and count what came of it, without its content."""
        outcome = await self.store.decide(verdict, reviewer, expected_version)
        log.info("verdict", verdict=verdict.verdict, outcome=outcome.kind.value)
        self.metrics.count(m.REVIEW_VERDICTS, verdict.verdict, outcome.kind.value)
        return outcome

    async def document_of(self, report: str) -> str | None:
        """The document of a report at its source (DiagnosticReport/1), None without findings."""
        wanted = WorklistFilter(report=report, review=tuple(ReviewStatus))
        found = await self.store.worklist(wanted, PageRequest(limit=1))
        return found.items[0].document if found.items else None

    async def item_of(self, document: str, finding: str) -> WorklistItem | None:
        """One finding of a document without its text, whatever its state; None if there is none."""
        wanted = WorklistFilter(document=document, review=tuple(ReviewStatus))
        offset, total = 0, 1
        while offset < total:
            page = await self.store.worklist(wanted, PageRequest(offset=offset, limit=_AT_ONCE))
            for item in page.items:
                if item.finding == finding:
                    return item
            offset, total = offset + _AT_ONCE, page.total
        return None

    def render(
        self, request: Request, template: str, status: int = 200, /, **context: Any
    ) -> HTMLResponse:
        """A page for whoever is logged in."""
        user = self.local or self.sessions.user(request.session)
        shared = context_of(request.cookies.get(THEME_COOKIE)) | {
            "user": user,
            "form_token": self.sessions.form_token(user) if user else "",
            "path": request.url.path,
            "local": self.local is not None,
        }
        html = self.templates.get_template(template).render(shared | context)
        return HTMLResponse(html, status, {_PART: "review"})


def page_of(request: Request) -> Page:
    """The page that serves a request."""
    page: Page = request.app.state.page
    return page


def is_htmx(request: Request) -> bool:
    """Whether htmx asks, which swaps a part of the page."""
    return request.headers.get("hx-request") == "true"


def login_address(request: Request) -> str:
    """Where to log in, and come back from. Addresses of pages hold opaque identifiers only."""
    return f"/login?next={quote(request.url.path)}"


def safe_path(path: str | None) -> str:
    """A path of this page to go to after a login; the worklist for anything else."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or "\\" in path:
        return "/"
    return path if path.isprintable() else "/"


def response_to_htmx(response: Response, retarget: str, reswap: str = "innerHTML") -> Response:
    """Have htmx put a response elsewhere than the request asked for."""
    response.headers["HX-Retarget"] = retarget
    response.headers["HX-Reswap"] = reswap
    return response
