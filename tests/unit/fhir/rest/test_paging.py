"""Pages of a search, against servers whose links lead astray."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.paging import search_pages
from oncofhir.schemas.errors import DependencyUnavailable
from tests.serving import served


def bundle(*idents, following=None):
    entries = [{"resource": {"resourceType": "Task", "id": ident}} for ident in idents]
    entries.append({"resource": {"resourceType": "Patient", "id": "included"}})
    link = [{"relation": "self", "url": "x"}]
    if following:
        link.append({"relation": "next", "url": following})
    return {"resourceType": "Bundle", "entry": entries, "link": link}


def app(following):
    async def task(request):
        page = request.query_params.get("page", "1")
        base = str(request.base_url) + "fhir"
        if page == "2":
            return JSONResponse(bundle("3", following=following.get("2", "").format(base=base)))
        return JSONResponse(bundle("1", "2", following=following["1"].format(base=base)))

    health = Route("/health", lambda _: JSONResponse({}))
    return Starlette(routes=[health, Route("/fhir/Task", task)])


def idents(following):
    async def run(url):
        client = FhirClient(f"{url}/fhir", read_attempts=1)
        try:
            pages = search_pages(client, "Task", {"_count": "2"})
            return [[task["id"] for task in page] async for page in pages]
        finally:
            await client.aclose()

    with served(app(following)) as url:
        return asyncio.run(run(url))


@pytest.mark.parametrize("following", ["{base}/Task?page=2", "Task?page=2"])
def test_links_are_followed_absolute_or_relative(following):
    assert idents({"1": following}) == [["1", "2"], ["3"]]


@pytest.mark.parametrize(
    ("following", "said"),
    [
        ({"1": "http://127.0.0.1:9/Task?page=2"}, "another origin"),
        ({"1": "{base}/Task?page=2", "2": "{base}/Task?page=2"}, "earlier page"),
    ],
)
def test_a_link_that_leads_astray_is_not_followed(following, said):
    with pytest.raises(DependencyUnavailable, match=said):
        idents(following)
