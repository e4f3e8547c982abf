"""HTTP to a model server: one pooled client, typed errors, no prompt in any of them."""

import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx2

from oncofhir.schemas.causes import cause_of
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    RequestRejected,
)
from oncofhir.schemas.reasons import Reason

_OVERLOADED = 429
# 404 and 405 are no verdict on the prompt: the address or the API is set wrongly; no report is lost for it
_REJECTED = frozenset({400, 413, 415, 422})
_DENIED = frozenset({401, 403})


class ModelHttp:
    """Gets and posts JSON at one model server.

    Args:
        base_url: the server.
        token: a bearer token, asked for before each request, so that a rotated secret is seen.
        timeout: seconds a request may take; connecting takes 10 at most.
        connections: how many are kept open.
        tls: who is trusted and which certificate is shown; None: the system's authorities, and none.
        server_name: the name that the server's certificate must hold and that `Host` tells, where
            `base_url` is one of the addresses behind it.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: Callable[[], str | None] = lambda: None,
        timeout: float = 120.0,
        connections: int = 32,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._token = token
        port = urlsplit(self.base_url).port
        self._host = (
            {"host": f"{server_name}:{port}" if port else server_name} if server_name else {}
        )
        self._extensions = {"sni_hostname": server_name} if server_name else {}
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(timeout, connect=10.0, pool=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=connections),
            verify=tls or True,
            follow_redirects=False,
            trust_env=False,
        )

    async def get(self, path: str) -> Any:
        """The JSON of a GET."""
        return self._json(await self._send("GET", path, None))

    async def post(self, path: str, body: dict[str, Any]) -> tuple[Any, httpx2.Headers]:
        """The JSON and the headers of a POST's response."""
        response = await self._send("POST", path, body)
        return self._json(response), response.headers

    async def healthy(self) -> bool:
        """Whether `/health` answers 200 (TGI, vLLM, SGLang and llama.cpp have it); raises nothing."""
        try:
            await self._send("GET", "/health", None)
        except OncofhirError:
            return False
        return True

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _send(self, method: str, path: str, body: dict[str, Any] | None) -> httpx2.Response:
        token = self._token()
        bearer = {"authorization": f"Bearer {token}"} if token else {}
        try:
            response = await self._client.request(
                method,
                self.base_url + path,
                json=body,
                headers={**self._host, **bearer},
                extensions=self._extensions,
            )
        except httpx2.HTTPError as error:
            raise DependencyUnavailable(
                Reason.MODEL_UNREACHABLE, self.base_url, cause_of(error)
            ) from error
        self._raise_for(response, path)
        return response

    def _raise_for(self, response: httpx2.Response, path: str) -> None:
        status = response.status_code
        where, said = f"{self.base_url}{path}", f"HTTP {status}"
        if status < 300:  # noqa: PLR2004
            return
        if status in _DENIED:
            raise AccessDenied(Reason.MODEL_ACCESS_DENIED, where, said)
        if status == _OVERLOADED:
            raise DependencyUnavailable(
                Reason.MODEL_OVERLOADED,
                where,
                said,
                parse_number(response.headers.get("retry-after")),
            )
        if status in _REJECTED:
            raise RequestRejected(Reason.MODEL_REJECTED_PROMPT, where, said)
        raise DependencyUnavailable(Reason.MODEL_FAILED, where, said)

    def _json(self, response: httpx2.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise DependencyUnavailable(
                Reason.MODEL_FAILED, self.base_url, "the answer is not JSON"
            ) from error


def parse_number(value: str | None) -> float | None:
    """A header's number; None when it is missing or none (a date in `retry-after`)."""
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def malformed_response(base_url: str) -> DependencyUnavailable:
    """The server answered 200 with JSON that is not what its API promises."""
    return DependencyUnavailable(
        Reason.MODEL_FAILED, base_url, "the answer is not of the API's form"
    )
