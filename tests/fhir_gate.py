"""A FHIR server behind a gate that tests close: what is written is refused then, and nothing reaches the server."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.serving import served_fhir

CANARY = "CANARY of a report, quoted by the server"
_TRANSACTION = b'"transaction"'
_HOPS = {"connection", "content-length", "transfer-encoding", "keep-alive", "content-encoding"}


class Gate:
    """`refuses` maps a method and a path below the base URL to the status that it is answered with.

    The path of a transaction is "transaction"; batches, which read, pass. With `holds` set, the answer to what
    is written is held back until it is cleared, and `held` tells that the server has it.
    """

    def __init__(self, behind: str) -> None:
        self._behind = behind
        self.refuses: dict[tuple[str, str], int] = {}
        self.holds = False
        self.held = threading.Event()
        self._http = httpx2.AsyncClient(trust_env=False, timeout=60)

    async def answer(self, request: Request) -> Response:
        path = request.url.path.removeprefix("/fhir")
        body = await request.body()
        is_transaction = request.method == "POST" and not path.strip("/") and _TRANSACTION in body
        named = "transaction" if is_transaction else path
        status = self.refuses.get((request.method, named))
        if status is not None:
            issue = {"severity": "error", "code": "processing", "diagnostics": CANARY}
            return JSONResponse({"resourceType": "OperationOutcome", "issue": [issue]}, status)
        query = f"?{request.url.query}" if request.url.query else ""
        # With the gate's own host: the links to further pages lead through it again.
        answer = await self._http.request(
            request.method,
            self._behind + path + query,
            headers=[(n, v) for n, v in request.headers.items() if n not in _HOPS],
            content=body,
        )
        is_write = is_transaction or request.method in {"PUT", "DELETE"}
        while is_write and self.holds:
            self.held.set()
            await asyncio.sleep(0.05)
        headers = {n: v for n, v in answer.headers.items() if n.lower() not in _HOPS}
        return Response(answer.content, answer.status_code, headers)

    async def aclose(self) -> None:
        await self._http.aclose()


@contextmanager
def gate_before(behind: str) -> Iterator[tuple[str, Gate]]:
    """The base URL of the gate, and the gate."""
    gate = Gate(behind)
    with served_fhir(gate.answer, gate.aclose) as url:
        yield url, gate
