"""A FHIR server that can do less: another one behind it, and what it lacks is refused and not declared."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from oncofhir.fhir.rest.system_authorities import system_authorities
from tests.serving import served_fhir

_PASSED_ON = ("accept", "content-type", "if-match", "if-none-exist", "prefer", "cache-control")
_PASSED_BACK = ("content-type", "etag", "location")
_METHOD_NOT_ALLOWED = 405
_UNPROCESSABLE = 422


def _rejected(body: bytes) -> Response:
    """As servers do that quote what they were sent."""
    issue = {"severity": "error", "code": "invalid", "diagnostics": body.decode()}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return JSONResponse(outcome, status_code=_UNPROCESSABLE)


def _refused() -> Response:
    issue = {"severity": "error", "code": "not-supported"}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return JSONResponse(outcome, status_code=_METHOD_NOT_ALLOWED)


def _reversed(body: bytes) -> bytes:
    """The entries of a searchset in the other order; anything else as it is."""
    resource = json.loads(body) if body else {}
    if resource.get("type") != "searchset" or "entry" not in resource:
        return body
    return json.dumps(resource | {"entry": resource["entry"][::-1]}).encode()


class Lesser:
    """Without transactions and batches; without `chooses_ids` no PUT creates, without `conditional` no POST looks.

    What holds `rejects` is invalid to it. Without `deletes` it deletes nothing. With `reverses` what a search
    finds comes the other way round: FHIR promises no order.
    """

    def __init__(self, behind: str, *, chooses_ids: bool, conditional: bool) -> None:
        self._behind = behind
        self._chooses_ids = chooses_ids
        self._conditional = conditional
        self.refused: list[str] = []
        self.rejects: bytes | None = None
        self.deletes = True
        self.reverses = False
        self._http = httpx2.AsyncClient(trust_env=False, verify=system_authorities())

    async def answer(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/fhir")
        if path == "/metadata":
            return JSONResponse(self._stated((await self._http.get(self._behind + path)).json()))
        if await self._lacks(request, path):
            self.refused.append(f"{request.method} {path}")
            return _refused()
        body = await request.body()
        if self.rejects is not None and request.method != "GET" and self.rejects in body:
            return _rejected(body)
        sent = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        query = f"?{request.url.query}" if request.url.query else ""
        answer = await self._http.request(
            request.method,
            self._behind + path + query,
            headers=sent,
            content=body,
        )
        headers = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
        content = _reversed(answer.content) if self.reverses else answer.content
        return Response(content, answer.status_code, headers)

    async def _lacks(self, request: Request, path: str) -> bool:
        if request.method == "DELETE":
            return not self.deletes
        if request.method == "POST":
            looks = "if-none-exist" in request.headers
            return not path.strip("/") or (looks and not self._conditional)
        if request.method == "PUT" and not self._chooses_ids:
            return (await self._http.get(self._behind + path)).status_code != httpx2.codes.OK
        return False

    async def aclose(self) -> None:
        await self._http.aclose()

    def _stated(self, statement: dict) -> dict:
        (rest,) = statement["rest"]
        types = [
            type_ | {"updateCreate": self._chooses_ids, "conditionalCreate": self._conditional}
            for type_ in rest["resource"]
        ]
        without = {"interaction": [{"code": "search-system"}], "resource": types}
        return statement | {"rest": [rest | without]}


@contextmanager
def lesser_server(
    behind: str, *, chooses_ids: bool = True, conditional: bool = True
) -> Iterator[tuple[str, Lesser]]:
    """Its base URL, and the server."""
    lesser = Lesser(behind, chooses_ids=chooses_ids, conditional=conditional)
    with served_fhir(lesser.answer, lesser.aclose) as url:
        yield url, lesser
