"""Where a logout leads: to the provider that logged the user in, if it says where its sessions end."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.demo.process import free_port
from oncofhir.review.access.logins import Logins
from oncofhir.review.access.users import Role, User
from oncofhir.settings import ReviewSettings
from tests.serving import served

PAGE = "https://review.hospital.example"


def address_of(issuer, users_issuer):
    settings = ReviewSettings(oidc_issuer=issuer, oidc_client_id="a b", public_url=PAGE)
    user = User(issuer=users_issuer, subject="8f3c", name="Anne Weber", role=Role.REVIEWER)
    return asyncio.run(Logins(settings, f"{PAGE}/callback").logout_address(user))


@pytest.fixture(
    params=[
        ("https://login.example/end", "https://login.example/end?client_id=a+b&"),
        ("https://login.example/end?tenant=1", "https://login.example/end?tenant=1&client_id=a+b&"),
        (None, None),
        ("javascript:alert(1)", None),
        (7, None),
    ],
    ids=["known", "with a query", "unknown", "no http", "no text"],
)
def case(request):
    stated, expected = request.param

    async def configuration(asked: Request) -> Response:
        issuer = str(asked.base_url).rstrip("/")
        return JSONResponse({"issuer": issuer, "end_session_endpoint": stated})

    routes = [
        Route("/health", lambda _: Response()),
        Route("/.well-known/openid-configuration", configuration),
    ]
    with served(Starlette(routes=routes)) as issuer:
        yield issuer, expected


def test_it_leads_to_where_the_provider_ends_its_session_and_back_to_the_login(case):
    issuer, expected = case
    found = address_of(issuer, issuer)
    if expected is None:
        assert found is None
    else:
        back = "https%3A%2F%2Freview.hospital.example%2Flogin"
        assert found == f"{expected}post_logout_redirect_uri={back}"


def test_a_user_of_the_ehr_is_not_sent_to_the_provider(case):
    issuer, _ = case
    assert address_of(issuer, "https://ehr.example/fhir") is None


def test_a_provider_that_does_not_answer_keeps_nobody_from_logging_out():
    issuer = f"http://127.0.0.1:{free_port()}"
    assert address_of(issuer, issuer) is None
