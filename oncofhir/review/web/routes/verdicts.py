"""Verdicts on a finding: confirm, correct, refute, not sure, undo; and several findings at once."""

import json

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from oncofhir.review.access.users import User
from oncofhir.review.web.page import Page, is_htmx, page_of, response_to_htmx
from oncofhir.review.web.phenotypes import label
from oncofhir.review.web.report_page import anchor_of, card_of, reviewer_name
from oncofhir.review.web.verdict_forms import (
    InvalidForm,
    reviewer_of,
    sentence_of,
    text_of,
    verdict_of,
)
from oncofhir.schemas.review import (
    Confirm,
    OutcomeKind,
    ReviewedFinding,
    Verdict,
    VerdictOutcome,
)

log = structlog.get_logger("oncofhir.review")

_SEE_OTHER = 303
_MAX_SEEN = 500
_STATUS = {
    OutcomeKind.CONFLICT: 409,
    OutcomeKind.REPORT_NOT_FOUND: 404,
    OutcomeKind.FINDING_NOT_FOUND: 404,
    OutcomeKind.INVALID_VALUE: 422,
    OutcomeKind.NOTHING_TO_UNDO: 409,
    OutcomeKind.STORE_REFUSED: 422,
    OutcomeKind.STORE_UNAVAILABLE: 503,
}


async def decide(request: Request) -> Response:
    """Write the verdict of one form, and show the finding as it is then."""
    page = page_of(request)
    user = page.reviewer(request)
    form = await page.form(request, user)
    document, finding = (str(request.path_params[name]) for name in ("document", "finding"))
    verdict = verdict_of(form, finding)
    version = text_of(form, "version", 100) or None
    outcome = await page.decide(verdict, reviewer_of(user), version)
    ordinal = text_of(form, "ordinal", 7)
    number = int(ordinal) if ordinal.isascii() and ordinal.isdigit() else 1
    if not is_htmx(request) and outcome.kind is OutcomeKind.DONE:
        return RedirectResponse(f"/reports/{document}?finding={finding}#f-{finding}", _SEE_OTHER)
    return response_to(request, page, user, verdict, outcome, number)


def response_to(
    request: Request,
    page: Page,
    user: User,
    verdict: Verdict,
    outcome: VerdictOutcome,
    ordinal: int,
) -> Response:
    """The finding's card after a verdict or in conflict; a message for what was not saved."""
    status = _STATUS.get(outcome.kind, 200)
    shown = outcome.finding
    what = label(shown.item.kind, shown.item.slot) if shown else ""
    message = sentence_of(outcome, verdict, what)
    if shown is None or outcome.kind not in {OutcomeKind.DONE, OutcomeKind.CONFLICT}:
        return problem(request, page, message, status)
    conflict = outcome if outcome.kind is OutcomeKind.CONFLICT else None
    attempted = getattr(verdict, "value", None)
    response = card_response(request, page, user, shown, ordinal, conflict, attempted, status)
    if conflict is None:
        _announce(response, shown.item.finding, message, stay=verdict.verdict == "undo")
    return response


def card_response(
    request: Request,
    page: Page,
    user: User,
    finding: ReviewedFinding,
    ordinal: int,
    conflict: VerdictOutcome | None = None,
    attempted: str | None = None,
    status: int = 200,
) -> Response:
    """One card: alone for htmx, in a page of its own without scripts."""
    return page.render(
        request,
        "finding.html" if is_htmx(request) else "finding_page.html",
        status,
        card=card_of(finding, ordinal),
        ticket=page.sessions.ticket(user, finding.item.finding, finding.item.version_id),
        conflict=conflict,
        attempted=attempted,
        name_of=lambda reviewer, display: reviewer_name(reviewer, display, user),
    )


def problem(request: Request, page: Page, message: str, status: int) -> Response:
    """Say what was not saved; a form that is open stays as it is."""
    if is_htmx(request):
        shown = page.render(request, "dialog.html", status, title="Not saved", text=message)
        return response_to_htmx(shown, "#notice")
    return page.render(request, "message.html", status, title="Not saved", text=message)


async def invalid_form(request: Request, error: Exception) -> Response:
    """The answer to a form that cannot be a verdict."""
    return problem(request, page_of(request), str(error), 422)


async def confirm_seen(request: Request) -> Response:
    """Confirm what the reviewer has seen: the findings whose tickets the form carries."""
    page = page_of(request)
    user = page.reviewer(request)
    form = await page.form(request, user)
    document = str(request.path_params["document"])
    tickets = [t for t in form.getlist("seen")[:_MAX_SEEN] if isinstance(t, str)]
    seen = {shown[0]: shown[1] for t in tickets if (shown := page.sessions.shown(t, user))}
    outcomes = [
        await page.decide(Confirm(finding=finding), reviewer_of(user), version)
        for finding, version in seen.items()
    ]
    done = sum(outcome.kind is OutcomeKind.DONE for outcome in outcomes)
    log.info("confirmed together", findings=done, refused=len(outcomes) - done)
    if done < len(outcomes):
        rest = len(outcomes) - done
        message = (
            f"{done} confirmed. {rest} not saved: changed or deleted meanwhile, or the FHIR server "
            "refused. Load the report again to see them."
        )
        return problem(request, page, message, 409)
    return RedirectResponse(f"/reports/{document}", _SEE_OTHER)


def _announce(response: Response, finding: str, message: str, *, stay: bool) -> None:
    """Have the page say what happened, and move on."""
    detail = {"card": anchor_of(finding), "message": message, "stay": stay}
    response.headers["HX-Trigger-After-Settle"] = json.dumps({"decided": detail})


ROUTES = [
    Route("/reports/{document:uuid}/findings/{finding:uuid}", decide, methods=["POST"]),
    Route("/reports/{document:uuid}/seen", confirm_seen, methods=["POST"]),
]
HANDLERS = {InvalidForm: invalid_form}
