"""The report view: the text next to its findings. Each view is recorded before it is shown."""

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oncofhir.review.access.users import User
from oncofhir.review.web.page import Page, page_of
from oncofhir.review.web.phenotypes import label
from oncofhir.review.web.report_page import (
    anchor_of,
    groups_of,
    page_with,
    reviewer_name,
    text_blocks,
)
from oncofhir.schemas.review import ReportView

log = structlog.get_logger("oncofhir.review")


async def viewed(page: Page, user: User, document: str) -> ReportView:
    """Return a document after its view was recorded.

    Raises:
        HTTPException: 404, no such document is known.
        OncofhirError: the store cannot be asked, or cannot record the view: nothing is shown.
    """
    report = await page.store.report(document)
    if report is None:
        raise HTTPException(404)
    await page.audit(user, report)
    return report


async def report_view(request: Request) -> Response:
    """A report with one page of its findings."""
    page = page_of(request)
    user = page.user(request)
    report = await viewed(page, user, str(request.path_params["document"]))
    size = page.settings.page_size
    wanted = request.query_params.get("finding")
    number = request.query_params.get("page", "")
    if number.isascii() and number.isdigit() and len(number) < 7:  # noqa: PLR2004 - digits of a page
        offset = max(int(number) - 1, 0) * size
    else:
        offset = page_with(report, wanted, size)
    total = len(report.findings)
    if offset >= total:
        offset = max(total - 1, 0) // size * size
    groups = groups_of(report, offset, size)
    return page.render(
        request,
        "report.html",
        report=report,
        groups=groups,
        blocks=text_blocks(report, groups),
        start=anchor_of(wanted) if wanted else "",
        number=offset // size + 1,
        pages=(total + size - 1) // size,
        open_cards=sum(card.is_open for group in groups for card in group.cards),
        tickets={
            card.anchor: page.sessions.ticket(
                user, card.finding.item.finding, card.finding.item.version_id
            )
            for group in groups
            for card in group.cards
        },
        labels={f.item.finding: label(f.item.kind, f.item.slot) for f in report.findings},
        name_of=lambda reviewer, display: reviewer_name(reviewer, display, user),
    )


ROUTES = [Route("/reports/{document:uuid}", report_view)]
