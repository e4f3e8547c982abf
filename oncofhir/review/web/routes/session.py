"""Log in and out: the OpenID provider, the launch from an EHR, the way back, the theme."""

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from oncofhir.review.access.logins import LoginFailed, Logins
from oncofhir.review.web.page import (
    THEME_COOKIE,
    Forbidden,
    NotLoggedIn,
    page_of,
    safe_path,
)

log = structlog.get_logger("oncofhir.review")

_NEXT = "next"
_SEE_OTHER = 303
_YEAR_SECONDS = 31_536_000
_UNKNOWN_REPORT = "/unknown-report"


def _logins(request: Request) -> Logins:
    logins = page_of(request).logins
    if logins is None:
        raise Forbidden("This page runs in single-user mode: there is no login.")
    return logins


async def login(request: Request) -> Response:
    """Say who may log in, with the button that leads to the provider."""
    page = page_of(request)
    if page.local is not None:
        return RedirectResponse("/", _SEE_OTHER)
    request.session[_NEXT] = safe_path(request.query_params.get(_NEXT))
    return page.render(request, "login.html", has_oidc=_logins(request).has_oidc)


async def to_provider(request: Request) -> Response:
    """Redirect to the OpenID provider."""
    return await _logins(request).to_provider(request)


async def launch(request: Request) -> Response:
    """Redirect to the EHR that launches the page (SMART App Launch, EHR launch)."""
    iss, launched = request.query_params.get("iss", ""), request.query_params.get("launch", "")
    request.session[_NEXT] = "/"
    return await _logins(request).to_ehr(request, iss, launched)


async def callback(request: Request) -> Response:
    """Begin the session of whom the provider names, and go where they wanted to."""
    page = page_of(request)
    launched = await _logins(request).finish(request)
    following = safe_path(request.session.get(_NEXT))
    if launched.report is not None:
        document = await page.document_of(launched.report)
        following = f"/reports/{document}" if document else _UNKNOWN_REPORT
    page.sessions.start(request.session, launched.user, launched.patient)
    log.info("logged in", role=launched.user.role.value, launched=bool(launched.patient))
    return RedirectResponse(following, _SEE_OTHER)


async def logged_in(request: Request) -> Response:
    """Tell that the session began again, in a tab of its own, and that the other tab still has everything."""
    page = page_of(request)
    page.user(request)
    return page.render(
        request,
        "message.html",
        title="You are logged in again",
        text="Go back to the tab with the report and save once more: what you typed is still there.",
    )


async def unknown_report(request: Request) -> Response:
    """The EHR launched the page with a report that has no findings here."""
    page = page_of(request)
    page.user(request)
    return page.render(
        request,
        "message.html",
        404,
        title="This report has no findings here",
        text="It was not processed yet, or it is of a kind that is skipped.",
    )


async def logout(request: Request) -> Response:
    """End the session, and lead on to the provider, whose session would log in the next user unasked."""
    page = page_of(request)
    try:
        user = page.user(request)
        await page.form(request, user)
    except NotLoggedIn:
        return RedirectResponse("/login", _SEE_OTHER)
    request.session.clear()
    address = await page.logins.logout_address(user) if page.logins else None
    if address is None:
        return RedirectResponse("/login", _SEE_OTHER)
    response = page.render(request, "logged_out.html", address=address)
    # Not a redirect: the policy (form-action) keeps what a form is answered with on this origin.
    response.headers["Refresh"] = f"0; url={address}"
    return response


async def leave_patient(request: Request) -> Response:
    """Show the findings of all patients again, after a launch with one in context."""
    page = page_of(request)
    await page.form(request, page.user(request))
    page.sessions.leave_patient(request.session)
    return RedirectResponse("/", _SEE_OTHER)


async def theme(request: Request) -> Response:
    """Keep the choice of light or dark; it is no secret and needs no session."""
    form = await request.form(max_files=0, max_fields=10)
    chosen = str(form.get("theme", ""))
    response = RedirectResponse(safe_path(str(form.get("path", ""))), _SEE_OTHER)
    if chosen in {"light", "dark"}:
        response.set_cookie(
            THEME_COOKIE, chosen, max_age=_YEAR_SECONDS, httponly=True, samesite="lax"
        )
    else:
        response.delete_cookie(THEME_COOKIE)
    return response


async def login_failed(request: Request, error: Exception) -> Response:
    """The page for `LoginFailed`."""
    cause = type(error.__cause__).__name__ if error.__cause__ else None
    log.warning("login failed", cause=cause)
    page = page_of(request)
    return page.render(
        request, "message.html", 403, title="The login did not succeed", text=str(error)
    )


ROUTES = [
    Route("/login", login),
    Route("/login/provider", to_provider),
    Route("/launch", launch),
    Route("/callback", callback),
    Route("/logged-in", logged_in),
    Route("/unknown-report", unknown_report),
    Route("/logout", logout, methods=["POST"]),
    Route("/patient/leave", leave_patient, methods=["POST"]),
    Route("/theme", theme, methods=["POST"]),
]
HANDLERS = {LoginFailed: login_failed}
