"""What a server that counts badly says is not taken for a count."""

import contextlib

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from oncofhir.fhir.rest.client import FhirClient
from oncofhir.ingest.backfill.search import Query
from oncofhir.ingest.backfill.server_counts import count_on_server
from oncofhir.schemas.errors import DependencyUnavailable
from tests.serving import served

pytestmark = pytest.mark.anyio


async def counted(answer):
    async def search(request):
        bundle = {"resourceType": "Bundle", "type": "searchset"}
        return JSONResponse(bundle | answer(request.query_params.get("status")))

    async def health(_):
        return JSONResponse({})

    app = Starlette(routes=[Route("/health", health), Route("/fhir/DiagnosticReport", search)])
    with served(app) as url:
        async with contextlib.aclosing(FhirClient(f"{url}/fhir", read_attempts=1)) as client:
            return await count_on_server(client, [Query("DiagnosticReport")])


async def test_matches_are_counted_by_status():
    found = await counted(lambda status: {"total": {None: 5, "final": 3}.get(status, 0)})
    assert (found.read, found.published) == (5, {"DiagnosticReport": {"final": 3, "other": 2}})


@pytest.mark.parametrize("answer", [{}, {"total": None}, {"total": "5"}, {"total": True}])
async def test_a_response_without_a_total_is_not_a_count_of_zero(answer):
    with pytest.raises(DependencyUnavailable, match="no total"):
        await counted(lambda _: answer)


async def test_reports_that_are_added_meanwhile_do_not_disturb():
    found = await counted(lambda status: {"total": {None: 5, "final": 6}.get(status, 0)})
    assert (found.read, found.published) == (6, {"DiagnosticReport": {"final": 6}})


async def test_a_server_that_ignores_the_status_does_not_multiply_the_reports():
    found = await counted(lambda _: {"total": 7})
    assert (found.read, found.published) == (7, {"DiagnosticReport": {"other": 7}})
