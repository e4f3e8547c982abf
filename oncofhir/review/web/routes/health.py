"""Probes of Kubernetes: the page answers, and its worklist has followed the store at least once."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.review.web.page import page_of
from oncofhir.schemas.review import PageRequest, WorklistFilter


async def live(_: Request) -> Response:
    return JSONResponse({"ok": True})


async def ready(request: Request) -> Response:
    found = await page_of(request).store.worklist(WorklistFilter(), PageRequest(limit=1))
    is_ready = found.as_of is not None
    return JSONResponse({"ok": is_ready}, 200 if is_ready else 503)


ROUTES = [Route("/live", live), Route("/ready", ready)]
