"""The FHIR client against a small real server that answers what no embedded server can be made to answer."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.fhir.client import FhirClient
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    RequestRejected,
    StoreConflict,
    UnreadableReport,
)
from oncofhir.schemas.reasons import Reason
from tests.reports import CANARY
from tests.serving import served

OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [
        {"code": "invariant", "expression": ["Observation.value"], "diagnostics": f"bad {CANARY}"}
    ],
}
seen: list[Request] = []


async def answer(request: Request) -> Response:
    seen.append(request)
    name = request.path_params["name"]
    if name == "redirect":
        return Response(status_code=302, headers={"location": "http://127.0.0.1:9/elsewhere"})
    if name == "text":
        return Response("not json")
    if name.isdigit():
        return JSONResponse(OUTCOME, status_code=int(name), headers={"retry-after": "7"})
    return JSONResponse({"resourceType": "Patient", "id": name})


async def transaction(_: Request) -> Response:
    return JSONResponse(OUTCOME)


@pytest.fixture(scope="module")
def url():
    routes = [
        Route("/health", lambda _: Response()),
        Route("/fhir", transaction, methods=["POST"]),
        Route("/fhir/Patient/{name}", answer),
        Route("/other/{name}", answer),
    ]
    with served(Starlette(routes=routes)) as running:
        yield running


def read(url: str, name: str, **how):
    async def asked():
        client = FhirClient(f"{url}/fhir", read_attempts=1, **how)
        try:
            return await client.read("Patient", name)
        finally:
            await client.aclose()

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        ("400", RequestRejected, Reason.STORE_REJECTED),
        ("401", AccessDenied, Reason.STORE_ACCESS_DENIED),
        ("403", AccessDenied, Reason.STORE_ACCESS_DENIED),
        ("404", UnreadableReport, Reason.RESOURCE_NOT_FOUND),
        ("409", StoreConflict, Reason.STORE_CONFLICT),
        ("410", UnreadableReport, Reason.DELETED),
        ("412", StoreConflict, Reason.STORE_CONFLICT),
        ("422", RequestRejected, Reason.STORE_REJECTED),
        ("429", DependencyUnavailable, Reason.STORE_FAILED),
        ("500", DependencyUnavailable, Reason.STORE_FAILED),
        ("503", DependencyUnavailable, Reason.STORE_FAILED),
        ("redirect", DependencyUnavailable, Reason.STORE_FAILED),
        ("text", DependencyUnavailable, Reason.STORE_FAILED),
    ],
)
def test_statuses_become_typed_errors_without_the_servers_words(url, status, error, reason):
    with pytest.raises(error) as raised:
        read(url, status)
    assert raised.value.reason is reason
    assert CANARY not in str(raised.value)
    if status == "422":
        assert "invariant Observation.value" in str(raised.value)
    if status == "429":
        assert raised.value.retry_after == 7


def test_a_200_with_an_outcome_is_no_success(url):
    async def asked():
        client = FhirClient(f"{url}/fhir")
        try:
            await client.transaction({"resourceType": "Bundle", "type": "transaction"})
        finally:
            await client.aclose()

    with pytest.raises(RequestRejected):
        asyncio.run(asked())


def test_nobody_there_names_the_address():
    with pytest.raises(DependencyUnavailable, match=r"http://127\.0\.0\.1:9/fhir"):
        read("http://127.0.0.1:9", "x")


def test_the_token_goes_to_its_own_origin_only(url):
    async def asked():
        client = FhirClient("http://127.0.0.1:9/fhir", token=lambda: "secret", read_attempts=1)
        try:
            await client.read_binary(f"{url}/other/x", "text/plain")
        finally:
            await client.aclose()

    seen.clear()
    asyncio.run(asked())
    assert "authorization" not in seen[-1].headers
    read(url, "x", token=lambda: "secret")
    assert seen[-1].headers["authorization"] == "Bearer secret"
