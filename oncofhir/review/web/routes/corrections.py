"""Forms for a value: a correction, what was missed, and the search for codes."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from oncofhir.review.access.users import User
from oncofhir.review.web.page import Page, is_htmx, page_of
from oncofhir.review.web.phenotypes import CHOICES, EXAMPLES
from oncofhir.review.web.report_page import anchor_of
from oncofhir.review.web.routes.finding_form import open_form
from oncofhir.review.web.routes.report import viewed
from oncofhir.review.web.routes.verdicts import problem
from oncofhir.review.web.selected_words import MAX_WORDS, Passage, passage_at, passages
from oncofhir.review.web.verdict_forms import (
    InvalidForm,
    kind_of,
    missed_of,
    reviewer_of,
    sentence_of,
    text_of,
)
from oncofhir.schemas.finding import Kind
from oncofhir.schemas.review import CodeChoice, OutcomeKind, ReportView, WorklistItem

_SEE_OTHER = 303
_LISTED = 30


async def correction(request: Request) -> Response:
    """The form of a correction, with the values that resemble the current one."""
    page, item, shown = await open_form(request)
    return page.render(
        request,
        "correction.html" if is_htmx(request) else "correction_page.html",
        **shown,
        example=EXAMPLES[item.kind],
        kind_value=f"{item.kind.value}/{item.slot}" if item.slot else item.kind.value,
        choices=await _nearest(page, item),
    )


async def _nearest(page: Page, item: WorklistItem) -> list[CodeChoice]:
    """Values to correct a finding to: those that resemble it, those of its organ, then the first ones."""
    found: dict[object, CodeChoice] = {}
    for text in (item.value, item.body_site or "", ""):
        for choice in await page.store.search_codes(item.kind, text, slot=item.slot, limit=_LISTED):
            if choice.value != item.value:
                code = choice.coding
                found.setdefault((code.system, code.code) if code else choice.value, choice)
    return list(found.values())[:_LISTED]


async def codes(request: Request) -> Response:
    """The values of a phenotype that resemble what was typed, which a POST keeps out of addresses."""
    page = page_of(request)
    user = page.reviewer(request)
    form = await page.form(request, user)
    kind, slot = kind_of(form)
    text = text_of(form, "search", 500)
    choices = await page.store.search_codes(kind, text, slot=slot, limit=_LISTED)
    return page.render(request, "choices.html", choices=choices, searched=text)


async def missed(request: Request) -> Response:
    """The form for what the model missed, with the words that are selected."""
    page = page_of(request)
    user = page.reviewer(request)
    report = await viewed(page, user, str(request.path_params["document"]))
    at = request.query_params.get("at")
    found = [passage_at(report.text, at)] if at else []
    return _missed_form(request, page, report, found)


async def add_missed(request: Request) -> Response:
    """Add a finding at the selected words; of words that occur several times, ask which are meant."""
    page = page_of(request)
    user = page.reviewer(request)
    form = await page.form(request, user)
    document = str(request.path_params["document"])
    report = await viewed(page, user, document)
    try:
        at = text_of(form, "at", 40)
        found = (
            [passage_at(report.text, at)]
            if at
            else passages(report.text, text_of(form, "words", MAX_WORDS))
        )
        if len(found) > 1:
            return _missed_form(request, page, report, found, _typed(form))
        verdict = missed_of(form, document, found[0].start, found[0].end)
    except InvalidForm as error:
        return _missed_form(request, page, report, [], _typed(form) | {"error": str(error)}, 422)
    return await _add(request, page, user, report, verdict, found, _typed(form))


async def _add(
    request: Request,
    page: Page,
    user: User,
    report: ReportView,
    verdict: Any,
    found: list[Passage],
    typed: dict[str, str],
) -> Response:
    outcome = await page.decide(verdict, reviewer_of(user), None)
    if outcome.kind is OutcomeKind.DONE and outcome.finding is not None:
        ident = outcome.finding.item.finding
        address = f"/reports/{report.document}?finding={ident}#{anchor_of(ident)}"
        if is_htmx(request):
            return Response(status_code=204, headers={"HX-Redirect": address})
        return RedirectResponse(address, _SEE_OTHER)
    message = sentence_of(outcome, verdict, "The finding")
    if outcome.kind is OutcomeKind.INVALID_VALUE:
        return _missed_form(request, page, report, found, typed | {"error": message}, 422)
    return problem(request, page, message, 409)


def _typed(form: Any) -> dict[str, str]:
    names = ("kind", "words", "search", "comment", "lesion")
    return {name: text_of(form, name, 2_000) for name in names}


def _missed_form(
    request: Request,
    page: Page,
    report: ReportView,
    found: list[Passage],
    typed: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    blank = dict.fromkeys(("kind", "words", "search", "comment", "lesion", "error"), "")
    return page.render(
        request,
        "missed.html" if is_htmx(request) else "missed_page.html",
        status,
        report=report,
        passages=found,
        kinds=CHOICES,
        example=EXAMPLES[Kind.DIAGNOSIS],
        typed=blank | (typed or {}),
        choices=(),
        searched="",
    )


ROUTES = [
    Route("/reports/{document:uuid}/findings/{finding:uuid}/correction", correction),
    Route("/reports/{document:uuid}/missed", missed, methods=["GET"]),
    Route("/reports/{document:uuid}/missed", add_missed, methods=["POST"]),
    Route("/codes", codes, methods=["POST"]),
]
