"""A proxy before an HTTP server that answers some requests wrongly, late or never.

    python -m tests.chaos.proxy --upstream http://127.0.0.1:8090 --port 8091 --share 0.1 --hang-seconds 6

A faulty request meets one of `Fault`, by a seeded generator. Two of them come after the server has done
what was asked: a client that tries again must not do it twice. `GET /_proxy` counts what was done;
`POST /_proxy` takes `{"share": 0.5}`, `{"only": ["late-error"]}`, `{"method": "POST"}`, `{"path": "/fhir"}`, and
`{"next": [null, "late-hang"]}` for the next requests of that method and path: null is none. What the server
calls itself in its answers is replaced by the proxy's address, so that its links lead through it.
"""

import argparse
import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "content-encoding",
}
_OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "transient"}],
}


class Fault(StrEnum):
    """What a faulty request meets."""

    UNAVAILABLE = "unavailable"  # 503, not forwarded
    ERROR_PAGE = "error-page"  # 500 with HTML, as a load balancer's
    HANG = "hang"  # held, then 504; not forwarded
    LATE_ERROR = "late-error"  # forwarded and done, then 502
    LATE_HANG = "late-hang"  # forwarded and done, then held and 504
    EMPTY_SUCCESS = (
        "empty-success"  # 200 with an OperationOutcome, not forwarded; only when asked for
    )


_STATUSES = {
    Fault.UNAVAILABLE: 503,
    Fault.HANG: 504,
    Fault.LATE_ERROR: 502,
    Fault.LATE_HANG: 504,
    Fault.EMPTY_SUCCESS: 200,
}
_BY_CHANCE = tuple(fault for fault in Fault if fault is not Fault.EMPTY_SUCCESS)


class FaultyProxy:
    """Forwards requests to `upstream`, a share of them with a fault. `port` is its own."""

    def __init__(
        self, upstream: str, port: int, *, share: float, hang_seconds: float, seed: int
    ) -> None:
        self._upstream = upstream
        self._names = (upstream.encode(), f"http://127.0.0.1:{port}".encode())
        self._share = share
        self._hang = hang_seconds
        self._only: Sequence[Fault] = _BY_CHANCE
        self._next: list[Fault | None] = []
        self._method: str | None = None
        self._path: str | None = None
        self._random = random.Random(seed)
        self._http = httpx2.AsyncClient(timeout=120.0, trust_env=False)
        self.done: Counter[str] = Counter()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/_proxy", self.control, methods=["GET", "POST"]),
                Route("/{path:path}", self.serve, methods=_METHODS),
            ]
        )

    async def control(self, request: Request) -> Response:
        if request.method == "POST":
            told = await request.json()
            self._share = told.get("share", self._share)
            self._only = [Fault(name) for name in told["only"]] if "only" in told else self._only
            self._method = told.get("method", self._method)
            self._path = told.get("path", self._path)
            self._next += [Fault(name) if name else None for name in told.get("next", ())]
        return JSONResponse(dict(self.done))

    async def serve(self, request: Request) -> Response:
        fault = self._fault(request.method, request.url.path.rstrip("/"))
        self.done[fault or "forwarded"] += 1
        if fault is None:
            return await self._forward(request)
        if fault in (Fault.LATE_ERROR, Fault.LATE_HANG):
            await self._forward(request)
        if fault in (Fault.HANG, Fault.LATE_HANG):
            await asyncio.sleep(self._hang)
        if fault is Fault.ERROR_PAGE:
            return Response("<html>Bad gateway</html>", 500, media_type="text/html")
        return JSONResponse(_OUTCOME, _STATUSES[fault])

    def _fault(self, method: str, path: str) -> Fault | None:
        if self._method not in (None, method) or self._path not in (None, path):
            return None
        if self._next:
            return self._next.pop(0)
        if self._random.random() >= self._share:
            return None
        return self._random.choice(list(self._only))

    async def _forward(self, request: Request) -> Response:
        url = f"{self._upstream}{request.url.path}"
        if request.url.query:
            url += f"?{request.url.query}"
        mine, theirs = self._names[1], self._names[0]
        headers = {n: v for n, v in request.headers.items() if n not in {*_HOP_BY_HOP, "host"}}
        headers["accept-encoding"] = "identity"
        body = (await request.body()).replace(mine, theirs)
        try:
            answer = await self._http.request(request.method, url, content=body, headers=headers)
        except httpx2.HTTPError:
            return JSONResponse(_OUTCOME, 502)
        kept = {
            name: value.replace(theirs.decode(), mine.decode())
            for name, value in answer.headers.items()
            if name.lower() not in _HOP_BY_HOP
        }
        return Response(answer.content.replace(theirs, mine), answer.status_code, kept)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--hang-seconds", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    proxy = FaultyProxy(
        told.upstream, told.port, share=told.share, hang_seconds=told.hang_seconds, seed=told.seed
    )
    uvicorn.run(proxy.app(), host="127.0.0.1", port=told.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
