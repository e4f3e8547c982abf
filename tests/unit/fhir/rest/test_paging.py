"""Pages of a search, against servers whose links lead astray."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from oncofhir.fhir.references import server_origin
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.paging import own_page, search_pages
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
        ({"1": "ftp://127.0.0.1/Task?page=2"}, "malformed"),
        ({"1": "http://127.0.0.1:9/fhir/../admin?page=2"}, "malformed"),
        ({"1": "http://[::1"}, "malformed"),
        ({"1": "{base}/Task?page=2", "2": "{base}/Task?page=2"}, "earlier page"),
    ],
)
def test_a_link_that_leads_astray_is_not_followed(following, said):
    with pytest.raises(DependencyUnavailable, match=said):
        idents(following)


@pytest.mark.parametrize(
    "following",
    [
        "http://internal.example:9090/fhir/Task?page=2",
        "https://ehr.example/fhir/Task?page=2",
        "http://internal.example/hapi/r4/Task?page=2",
        "/fhir/Task?page=2",
        "//internal.example/fhir/Task?page=2",
    ],
)
def test_the_path_of_a_link_to_another_host_is_followed_on_the_own_base(following):
    assert idents({"1": following}) == [["1", "2"], ["3"]]


@pytest.mark.parametrize(
    ("link", "page"),
    [
        ("https://own.example/r4?_getpages=a&n=2", "https://own.example/r4?_getpages=a&n=2"),
        ("http://10.0.0.1:8080/r4?_getpages=a", "https://own.example/r4?_getpages=a"),
        ("http://10.0.0.1:8080/r4/?_getpages=a", "https://own.example/r4?_getpages=a"),
        (
            "http://10.0.0.1/hapi-fhir-jpaserver/fhir?_getpages=a",
            "https://own.example/r4?_getpages=a",
        ),
        ("http://10.0.0.1/x/Task?a=1", "https://own.example/r4/Task?a=1"),
        ("http://10.0.0.1/r4/Task/_search?a=1", "https://own.example/r4/Task/_search?a=1"),
        ("https://OWN.example:443/r4/Task?a=1", "https://OWN.example:443/r4/Task?a=1"),
        ("Task?a=1", "https://own.example/r4/Task?a=1"),
        ("?_getpages=a", "https://own.example/r4?_getpages=a"),
        ("http://10.0.0.1/r4/%2e%2e/admin?a=1", None),
        ("javascript:alert(1)", None),
        ("http://10.0.0.1/r42/Task?a=1", "https://own.example/r4/Task?a=1"),
    ],
)
def test_links_lead_to_the_own_server_or_nowhere(link, page):
    assert own_page("https://own.example/r4", link, "Task") == page


@given(st.text("htps:/.%2eE?#@ownexample4rTask\\&=[]", max_size=40))
def test_no_link_leads_to_another_origin(link):
    page = own_page("https://own.example/r4", link, "Task")
    assert page is None or server_origin(page) == "https://own.example:443"
