"""The form of a refutation with a reason, or of a finding that should never have been recorded."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oncofhir.review.web.page import is_htmx
from oncofhir.review.web.routes.finding_form import open_form


async def refutation(request: Request) -> Response:
    """The form; it is sent to where the buttons of a card are."""
    page, _, shown = await open_form(request)
    template = "refutation.html" if is_htmx(request) else "refutation_page.html"
    return page.render(request, template, **shown)


ROUTES = [Route("/reports/{document:uuid}/findings/{finding:uuid}/refutation", refutation)]
