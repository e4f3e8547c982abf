"""The form of a refutation with a reason, or of a finding that should never have been recorded."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oncofhir.review.web.page import is_htmx, page_of
from oncofhir.review.web.report_page import anchor_of
from oncofhir.review.web.verdict_forms import InvalidForm


async def refutation(request: Request) -> Response:
    """The form; it is sent to where the buttons of a card are."""
    page = page_of(request)
    page.reviewer(request)
    document, finding = (str(request.path_params[name]) for name in ("document", "finding"))
    item = await page.item_of(document, finding)
    if item is None:
        raise InvalidForm("The finding is gone: somebody deleted it.")
    ordinal = request.query_params.get("ordinal", "1")
    return page.render(
        request,
        "refutation.html" if is_htmx(request) else "refutation_page.html",
        item=item,
        anchor=anchor_of(finding),
        ordinal=ordinal if ordinal.isdigit() else "1",
    )


ROUTES = [Route("/reports/{document:uuid}/findings/{finding:uuid}/refutation", refutation)]
