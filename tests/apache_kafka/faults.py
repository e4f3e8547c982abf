"""A gateway before the model server that checks the token, dislikes a phrase and aborts every tenth answer.

It stands in for an API gateway with a web application firewall, which no package registry carries.
"""

import json
import threading

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DISLIKED = "DROP-TABLE-SPECIMEN"


class Gateway:
    """`rule_is_on`: whether the phrase is refused. Counts what it refused and aborted."""

    def __init__(self, upstream: str, token: str) -> None:
        self.rule_is_on = True
        self.refused = self.aborted = 0
        self._token = token
        self._requests = 0
        self._lock = threading.Lock()
        self._upstream = upstream

    @property
    def app(self) -> Starlette:
        paths = Route("/{path:path}", self._forward, methods=["GET", "POST"])
        return Starlette(routes=[Route("/health", _healthy), paths])

    async def _forward(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return JSONResponse({"error": "unauthorized"}, 401)
        body = await request.body()
        if self.rule_is_on and DISLIKED.encode() in body:
            self.refused += 1
            return JSONResponse({"error": "forbidden"}, 403)
        async with httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.request(
                request.method,
                self._upstream + request.url.path,
                content=body,
                headers={"content-type": "application/json"},
            )
        if request.url.path == "/generate" and self._is_tenth():
            self.aborted += 1
            content = answer.json()
            content["generated_text"] = ""
            content["details"] |= {"finish_reason": "abort", "tokens": [], "generated_tokens": 0}
            return JSONResponse(content, answer.status_code)
        return Response(answer.content, answer.status_code, media_type="application/json")

    def _is_tenth(self) -> bool:
        with self._lock:
            self._requests += 1
            return self._requests % 10 == 0


async def _healthy(_: Request) -> Response:
    return Response(json.dumps({}), media_type="application/json")
