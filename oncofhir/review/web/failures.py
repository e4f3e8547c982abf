"""What a request answers when it cannot be served. Nothing that a user typed is lost."""

import json
from collections.abc import Mapping
from http import HTTPStatus

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from oncofhir.review.access.recorded_views import ViewNotRecorded
from oncofhir.review.web.page import (
    Forbidden,
    NotLoggedIn,
    StaleForm,
    is_htmx,
    login_address,
    page_of,
    response_to_htmx,
)
from oncofhir.schemas.errors import OncofhirError
from oncofhir.telemetry import review_metrics as m
from oncofhir.telemetry.logging import described

log = structlog.get_logger("oncofhir.review")

_SEE_OTHER = 303
_NOTICE = "#notice"


async def not_logged_in(request: Request, _: Exception) -> Response:
    """A page asks for a login. A form is kept: it is sent again after a login in another tab."""
    page = page_of(request)
    if request.method == "GET" and not is_htmx(request):
        return RedirectResponse(login_address(request), _SEE_OTHER)
    if is_htmx(request):
        return response_to_htmx(page.render(request, "expired_dialog.html", 401), _NOTICE)
    return page.render(request, "expired.html", 401, typed=await _typed(request), token=None)


async def stale_form(request: Request, _: Exception) -> Response:
    """The form carries the token of another user or of an earlier start of the service: ask once more."""
    page = page_of(request)
    user = page.user(request)
    token = page.sessions.form_token(user)
    if is_htmx(request):
        response = page.render(request, "stale_dialog.html", 403)
        response.headers["HX-Trigger"] = json.dumps({"formtoken": {"token": token}})
        return response_to_htmx(response, _NOTICE)
    return page.render(request, "expired.html", 403, typed=await _typed(request), token=token)


async def _typed(request: Request) -> list[tuple[str, str]]:
    """The fields of a form, to be sent again."""
    form = await request.form(max_files=0, max_fields=2_000)
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


async def forbidden(request: Request, error: Exception) -> Response:
    """The user's role does not allow it."""
    return _message(request, HTTPStatus.FORBIDDEN, "Not for your role", str(error))


async def unavailable(request: Request, error: Exception) -> Response:
    """The store cannot be asked: name the reason and the remedy; neither quotes a report."""
    if not isinstance(error, OncofhirError):
        raise error
    log.warning("request failed", **described(error))
    status = HTTPStatus.SERVICE_UNAVAILABLE if error.transient else HTTPStatus.BAD_GATEWAY
    text = f"{error.reason.remedy} (reason: {error.reason.value}). Nothing was saved."
    return _message(request, status, "The FHIR server cannot be used right now", text)


async def not_recorded(request: Request, _: Exception) -> Response:
    """Without an AuditEvent nobody sees a report."""
    page_of(request).metrics.count(m.REVIEW_UNRECORDED_VIEWS)
    text = (
        "Every view of a report is recorded, and the FHIR server did not accept the record. Try again. If "
        "this stays, ask an administrator: the credentials must be allowed to create AuditEvent."
    )
    return _message(request, HTTPStatus.SERVICE_UNAVAILABLE, "The view could not be recorded", text)


async def http_error(request: Request, error: Exception) -> Response:
    """An address that does not exist, or that cannot be used so."""
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 500)
    if status is HTTPStatus.NOT_FOUND:
        return _message(
            request, status, "There is no such page", "The report may have been deleted meanwhile."
        )
    return _message(request, status, status.phrase, "Go back and try again.")


async def internal_error(_: Request, error: Exception) -> Response:
    """A fault of this service. Its message may quote a report and is not shown."""
    log.error("internal error", **described(error))
    return PlainTextResponse(
        "Internal error. Nothing was saved. The log of oncofhir review has the type of the error.",
        500,
    )


def _message(request: Request, status: HTTPStatus, title: str, text: str) -> Response:
    page = page_of(request)
    if is_htmx(request):
        response = page.render(request, "dialog.html", status.value, title=title, text=text)
        return response_to_htmx(response, _NOTICE)
    return page.render(request, "message.html", status.value, title=title, text=text)


HANDLERS: Mapping[type[Exception], object] = {
    NotLoggedIn: not_logged_in,
    StaleForm: stale_form,
    Forbidden: forbidden,
    OncofhirError: unavailable,
    ViewNotRecorded: not_recorded,
    HTTPException: http_error,
    Exception: internal_error,
}
