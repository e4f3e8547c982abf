"""The FHIR client against a small real server that answers what no embedded server can be made to answer."""

import asyncio
import json

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.fhir.rest.auth.bearer import BearerToken
from oncofhir.fhir.rest.bounded_fetch import Bounds, FetchPolicy
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.responses import issue_summary, version_of
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    RequestRejected,
    StoreConflict,
    UnreadableReport,
)
from oncofhir.schemas.reasons import Reason
from tests.builders import CANARY
from tests.serving import served

OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [
        {"code": "invariant", "expression": ["Observation.value"], "diagnostics": f"bad {CANARY}"}
    ],
}
FETCH = FetchPolicy(Bounds(1_000, 10.0), lambda url: False)
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


def outcome(code: str) -> dict:
    return {"resourceType": "OperationOutcome", "issue": [{"code": code, "diagnostics": CANARY}]}


def answered(*statuses: str, kind: str = "transaction-response") -> dict:
    entries = [{"response": {"status": status}} for status in statuses]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


TRANSACTIONS = {
    "outcome": OUTCOME,
    "timeout": outcome("timeout"),
    "conflict": outcome("conflict"),
    "forbidden": outcome("forbidden"),
    "too-costly": outcome("too-costly"),
    "good": answered("201 Created", "200 OK"),
    "one-rejected": answered("201 Created", "422 Unprocessable Entity"),
    "one-conflict": answered("412 Precondition Failed", "201"),
    "no-entries": {"resourceType": "Bundle", "type": "transaction-response"},
    "in-part": answered("201 Created"),
    "no-status": {"resourceType": "Bundle", "entry": [{}]},
    "many": {
        "resourceType": "Bundle",
        "entry": [
            {"response": {"status": "200"}, "resource": {"resourceType": "Patient", "id": "1"}},
            {"response": {"status": "404"}},
            {"response": {"status": "410 Gone"}},
        ],
    },
    "many-denied": answered("404 Not Found", "403 Forbidden", "404", kind="batch-response"),
    "many-empty": answered("404 Not Found", "200 OK", "404", kind="batch-response"),
    "many-in-part": answered("200 OK", kind="batch-response"),
    "many-outcome": {
        "resourceType": "Bundle",
        "entry": [{"response": {"status": "200"}, "resource": outcome("exception")}] * 3,
    },
}


async def transaction(request: Request) -> Response:
    seen.append(request)
    name = request.path_params["name"]
    if name.isdigit():
        return JSONResponse(OUTCOME, status_code=int(name))
    return JSONResponse(TRANSACTIONS[name])


async def flaky(request: Request) -> Response:
    """Unavailable once, then there; `retry-after` is the path's."""
    seen.append(request)
    if len(seen) == 1:
        after = request.path_params["seconds"]
        return JSONResponse(OUTCOME, status_code=503, headers={"retry-after": after})
    return JSONResponse({"resourceType": "Patient", "id": "x"})


@pytest.fixture(scope="module")
def url():
    routes = [
        Route("/health", lambda _: Response()),
        Route("/server/{name}", transaction, methods=["POST"]),
        Route("/dstu2/metadata", lambda _: JSONResponse(DSTU2)),
        Route("/said/{code}", said, methods=["POST"]),
        Route("/said/{code}/{path:path}", said, methods=["GET", "POST", "PUT"]),
        Route("/flaky/{seconds}/Patient/x", flaky),
        Route("/fhir/Patient/{name}", answer),
        Route("/other/{name}", answer),
    ]
    with served(Starlette(routes=routes)) as running:
        yield running


@pytest.mark.parametrize(
    ("code", "expression", "said"),
    [
        ("invariant", "Observation.value", "invariant Observation.value"),
        (
            "value",
            "Bundle.entry[3].resource.ofType(Condition).code",
            "value Bundle.entry[3].resource.ofType(Condition).code",
        ),
        ("required", "Task.for.where(name='Quillfeather')", "required"),
        ("value", "Quillfeather", "value"),
        ("value", "Observation.Quillfeather", "value"),
        ("value", "Bundle.entry.ofType(Quillfeather)", "value"),
        ("quillfeather", "Observation", "unknown-code Observation"),
    ],
)
def test_of_an_outcome_only_what_fhir_itself_names_is_repeated(code, expression, said):
    assert issue_summary({"issue": [{"code": code, "expression": [expression]}]}) == said


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


def asked(url: str, call, **how):
    async def ask():
        client = FhirClient(url, **how)
        try:
            return await call(client)
        finally:
            await client.aclose()

    seen.clear()
    return asyncio.run(ask())


def transact(client):
    entry = {
        "resource": {"resourceType": "Patient"},
        "request": {"method": "POST", "url": "Patient"},
    }
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry, entry]}
    return client.transaction(bundle)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("outcome", RequestRejected),
        ("timeout", DependencyUnavailable),
        ("conflict", StoreConflict),
        ("forbidden", AccessDenied),
        ("one-rejected", RequestRejected),
        ("one-conflict", StoreConflict),
        ("no-status", DependencyUnavailable),
        ("no-entries", DependencyUnavailable),
        ("in-part", DependencyUnavailable),
        ("404", DependencyUnavailable),
        ("410", DependencyUnavailable),
        ("422", RequestRejected),
    ],
)
def test_a_transaction_succeeds_only_when_every_entry_does(url, name, error):
    with pytest.raises(error) as raised:
        asked(f"{url}/server/{name}", transact)
    assert CANARY not in str(raised.value)
    assert len(seen) == 1, "a write is never sent again by the client"


@pytest.mark.parametrize("name", ["413", "too-costly"])
def test_a_transaction_that_is_too_large_says_so(url, name):
    with pytest.raises(RequestRejected) as raised:
        asked(f"{url}/server/{name}", transact)
    assert raised.value.reason is Reason.STORE_TOO_LARGE


def test_a_good_transaction_is_returned(url):
    assert len(asked(f"{url}/server/good", transact)["entry"]) == 2


def many(client):
    return client.read_many(["Patient/1", "Patient/2", "Patient/3"])


def test_many_are_read_at_once_and_what_is_gone_is_left_out(url):
    assert asked(f"{url}/server/many", many) == {
        "Patient/1": {"resourceType": "Patient", "id": "1"}
    }
    assert asked(f"{url}/server/422", lambda client: client.read_many([])) == {}
    assert seen == []


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("many-denied", AccessDenied),
        ("many-empty", DependencyUnavailable),
        ("many-in-part", DependencyUnavailable),
        ("many-outcome", DependencyUnavailable),
        ("timeout", DependencyUnavailable),
        ("forbidden", AccessDenied),
    ],
)
def test_many_are_not_read_in_part(url, name, error):
    with pytest.raises(error):
        asked(f"{url}/server/{name}", many, read_attempts=1)


async def said(request: Request) -> Response:
    """Success, with an OperationOutcome whose code (and severity) is the path's."""
    seen.append(request)
    code, _, severity = request.path_params["code"].partition(".")
    answer = outcome(code)
    answer["issue"][0]["severity"] = severity or "error"
    return JSONResponse(answer, status_code=201, headers={"etag": 'W/"7"'})


DSTU2 = {"resourceType": "Conformance", "fhirVersion": "1.0.2"}
PATIENT = {"resourceType": "Patient", "id": "x"}
READS = {
    "read": lambda client: client.read("Patient", "x"),
    "search": lambda client: client.search("Patient", {"identifier": "x"}),
    "history": lambda client: client.history("Patient/x"),
    "one by one": lambda client: client.read_many(["Patient/x"], batch=False),
    "metadata": lambda client: client.fetch_capability(),
}
WRITES = {
    "put": lambda client: client.update(PATIENT),
    "post": lambda client: client.create_by_post(PATIENT, {"identifier": "x"}, conditional=True),
    "add": lambda client: client.create(PATIENT),
}


@pytest.mark.parametrize("how", [*READS, *WRITES])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("invalid", RequestRejected),
        ("forbidden", AccessDenied),
        ("lock-error", DependencyUnavailable),
    ],
)
def test_an_outcome_with_the_status_of_a_success_is_none(url, how, code, error):
    """Issue 5, "Bad input": a store that answers 200 with an OperationOutcome."""
    with pytest.raises(error) as raised:
        asked(f"{url}/said/{code}", (READS | WRITES)[how], read_attempts=1)
    assert CANARY not in str(raised.value)


def test_an_outcome_may_say_that_something_is_not_there(url):
    with pytest.raises(UnreadableReport) as raised:
        asked(f"{url}/said/not-found", READS["read"])
    assert raised.value.reason is Reason.RESOURCE_NOT_FOUND
    assert asked(f"{url}/said/deleted", READS["one by one"]) == {}
    with pytest.raises(RequestRejected):
        asked(f"{url}/said/not-found", WRITES["put"])


def test_a_write_may_be_answered_with_what_went_well(url):
    assert asked(f"{url}/said/informational.information", WRITES["put"]) == "7"
    asked(f"{url}/said/business-rule.warning", WRITES["add"])


def test_a_server_of_dstu2_is_known_by_its_conformance_statement(url):
    """That it is of another version halts with a remedy; that no statement comes would be an outage."""
    assert asked(f"{url}/dstu2", READS["metadata"]).fhir_version == "1.0.2"


def test_an_answer_of_another_type_is_no_answer(url):
    with pytest.raises(DependencyUnavailable):
        asked(f"{url}/fhir", lambda client: client.search("Patient/x", {}), read_attempts=1)


def test_a_read_is_tried_again_at_once_but_a_server_that_asks_for_patience_gets_it(url):
    def patient(client):
        return client.read("Patient", "x")

    assert asked(f"{url}/flaky/0", patient)["id"] == "x"
    assert len(seen) == 2
    with pytest.raises(DependencyUnavailable) as raised:
        asked(f"{url}/flaky/30", patient)
    assert raised.value.retry_after == 30
    assert len(seen) == 1


def test_another_origin_that_refuses_access_does_not_halt(url):
    def attachment(client):
        return client.read_binary(f"{url}/other/403", "text/plain", FETCH)

    with pytest.raises(UnreadableReport) as raised:
        asked("http://127.0.0.1:9/fhir", attachment, read_attempts=1)
    assert raised.value.reason is Reason.ATTACHMENT_NOT_FOUND
    with pytest.raises(AccessDenied):
        asked(f"{url}/fhir", attachment, read_attempts=1)


def test_nobody_there_names_the_address():
    with pytest.raises(DependencyUnavailable, match=r"http://127\.0\.0\.1:9/fhir"):
        read("http://127.0.0.1:9", "x")


def test_the_token_goes_to_its_own_origin_only(url):
    async def asked():
        client = FhirClient(
            "http://127.0.0.1:9/fhir", authorization=BearerToken(lambda: "secret"), read_attempts=1
        )
        try:
            await client.read_binary(f"{url}/other/x", "text/plain", FETCH)
        finally:
            await client.aclose()

    seen.clear()
    asyncio.run(asked())
    assert "authorization" not in seen[-1].headers
    read(url, "x", authorization=BearerToken(lambda: "secret"))
    assert seen[-1].headers["authorization"] == "Bearer secret"


DEEP = b'{"resourceType": "Patient", "a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
NONSENSE = {
    "deep": DEEP,
    "a string": b'"Patient"',
    "entries that are strings": b'{"resourceType": "Bundle", "entry": ["x"]}',
    "one entry that is a string": b'{"resourceType": "Bundle", "entry": [{}, "x", {}]}',
    "an entry that is an object": b'{"resourceType": "Bundle", "entry": {"resource": {}}}',
    "a response that is a string": b'{"resourceType": "Bundle", "entry": [{"response": "200"}]}',
    "half a character": b'{"resourceType": "Bundle", "x": "\xff"}',
    "a total that is a string": b'{"resourceType": "Bundle", "total": "many"}',
}
REQUESTS = {
    "read": lambda client: client.read("Patient", "x"),
    "search": lambda client: client.search("Patient", {"identifier": "x"}),
    "history": lambda client: client.history("Patient/x"),
    "count": lambda client: client.count("Patient"),
    "batch": many,
    "batch and search": lambda client: client.read_many_and_search(["Patient/1"], "Task", {}),
    "transaction": transact,
    "create": lambda client: client.create_if_absent(PATIENT, {"identifier": "x"}),
    "capability": lambda client: client.fetch_capability(),
}


@pytest.fixture(scope="module")
def nonsense():
    async def any_path(request: Request) -> Response:
        body = NONSENSE[request.path_params["name"].replace("_", " ")]
        return Response(body, media_type="application/fhir+json")

    routes = [
        Route("/health", lambda _: Response()),
        Route("/{name}", any_path, methods=["POST"]),
        Route("/{name}/{path:path}", any_path, methods=["GET", "POST"]),
    ]
    with served(Starlette(routes=routes)) as running:
        yield running


# Requests that do not need the part that makes no sense.
HARMLESS = {
    ("a total that is a string", "search"),
    ("a total that is a string", "history"),
    ("a response that is a string", "search"),
    ("a response that is a string", "history"),
}


@pytest.mark.parametrize("how", REQUESTS)
@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_the_fault_of_the_server(nonsense, name, how):
    """A response that makes no sense is waited for as an outage is; it is no fault of a report."""
    base = f"{nonsense}/{name.replace(' ', '_')}"
    if (name, how) in HARMLESS:
        assert not asked(base, REQUESTS[how], read_attempts=1)
    else:
        with pytest.raises(DependencyUnavailable):
            asked(base, REQUESTS[how], read_attempts=1)


@pytest.mark.parametrize(
    ("headers", "body", "version"),
    [
        ({"etag": 'W/"3"'}, None, "3"),
        ({"etag": '"3"'}, None, "3"),
        ({"etag": 'W/"9"'}, {"meta": {"versionId": "3"}}, "3"),
        ({"etag": 'W/"9"', "location": "http://x/fhir/Patient/1/_history/3"}, None, "3"),
        ({"etag": 'W/"3-gzip"'}, None, "3"),
        ({"etag": 'W/"3--gzip"'}, None, "3"),
        ({"etag": '"3;br"'}, None, "3"),
        ({"etag": "none"}, {"meta": {}}, None),
        ({}, {"meta": {"versionId": 3}}, None),
        ({}, None, None),
    ],
)
def test_a_version_is_that_of_the_resource_before_what_a_proxy_may_have_changed(
    headers, body, version
):
    content = b"" if body is None else json.dumps(body).encode()
    assert version_of(httpx2.Response(200, headers=headers, content=content)) == version
