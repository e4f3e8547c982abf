"""Logins for tests: a maintained OpenID provider, and an EHR in front of it that launches apps.

The provider (`oidc-provider-mock`) authenticates and signs. The EHR adds what SMART App Launch 2.2.0 adds: its
configuration beside the FHIR server, and the context in the token response.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oncofhir.demo.process import Process, free_port, responds
from tests.serving import served

USERS = {
    "anne": ["oncofhir-reviewer"],
    "ben": ["oncofhir-reviewer"],
    "lea": ["oncofhir-lead"],
    "otto": ["oncofhir-auditor"],
    "gast": ["visitor"],
}


@contextmanager
def openid_provider() -> Iterator[str]:
    """The issuer, at which each of `USERS` can log in: a process of its own."""
    port = free_port()
    issuer = f"http://localhost:{port}"
    claims = [
        json.dumps({"sub": name, "name": name.capitalize(), "roles": roles})
        for name, roles in USERS.items()
    ]
    options = [part for one in claims for part in ("--user-claims", one)]
    provider = Process(
        "openid-provider",
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *options],
        ready=lambda: responds(f"{issuer}/.well-known/openid-configuration"),
    )
    with provider:
        yield issuer


@dataclass
class Ehr:
    """The EHR's FHIR base URL, and what it has in context at the next launch."""

    base_url: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def ehr(issuer: str) -> Iterator[Ehr]:
    """An EHR whose users log in at `issuer`."""
    started = Ehr()
    known = httpx2.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).json()

    async def configuration(_: Request) -> Response:
        return JSONResponse(
            known
            | {
                "authorization_endpoint": f"{started.base_url}/authorize",
                "token_endpoint": f"{started.base_url}/token",
                "capabilities": ["launch-ehr", "client-public", "sso-openid-connect"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        started.requests.append(asked)
        if asked.get("launch") != "launch-7" or asked.get("aud") != started.base_url:
            return JSONResponse({"error": "invalid_request"}, 400)
        query = request.url.query.replace("scope=launch+openid+fhirUser", "scope=openid+profile")
        return Response(
            status_code=302, headers={"location": f"{known['authorization_endpoint']}?{query}"}
        )

    async def token(request: Request) -> Response:
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                known["token_endpoint"],
                content=await request.body(),
                headers={
                    name: value
                    for name, value in request.headers.items()
                    if name in {"authorization", "content-type"}
                },
            )
        body = answer.json() | (started.context if answer.is_success else {})
        return Response(json.dumps(body), answer.status_code, media_type="application/json")

    app = Starlette(
        routes=[
            Route("/health", lambda _: Response()),
            Route("/fhir/.well-known/smart-configuration", configuration),
            Route("/fhir/authorize", authorize),
            Route("/fhir/token", token, methods=["POST"]),
        ]
    )
    with served(app) as address:
        started.base_url = f"{address}/fhir"
        yield started
