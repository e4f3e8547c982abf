"""HTTP to a model server: pooled connections, typed errors, no prompt in any of them.

The client is aiohttp (ADR 0009): nine requests per report make its cost part of a worker's throughput.
"""

import json
import math
import ssl
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from oncofhir.inference.clients.answer import code
from oncofhir.schemas.error_messages.causes import cause_of
from oncofhir.schemas.errors import (
    AccessDenied,
    DependencyUnavailable,
    OncofhirError,
    RequestRejected,
)
from oncofhir.schemas.reasons import Reason

# An answer holds at most some thousand tokens with their log-probabilities.
MAX_ANSWER_BYTES = 8 * 2**20
CONNECT_SECONDS = 10.0
# uvicorn (vLLM, SGLang, our stand-in) closes a connection that was idle for 5 s.
KEEP_ALIVE_SECONDS = 4.0
_OVERLOADED = 429
_REJECTED = frozenset({400, 413, 415, 422})
_DENIED = frozenset({401, 403})
_NOT_FOUND = frozenset({404, 405})
T = TypeVar("T")


class PathNotFound(DependencyUnavailable):
    """The server has no such path (404, 405): another API, or a model that it does not serve now."""


class AnswerTimeout(DependencyUnavailable):
    """The server took longer than one request may take."""


class ModelHttp:
    """Gets and posts JSON at one model server; belongs to one event loop.

    Args:
        base_url: the server.
        token: returns the bearer token; called for each request, so that a rotated secret is used.
        timeout: seconds that a request may take in all; connecting takes 10 at most.
        connections: how many are kept open.
        tls: trusted authorities and the client certificate. None: the system's authorities, and none.
        server_name: the name that the server's certificate must hold and that `Host` carries, if
            `base_url` is one of the addresses behind that name.
        trace_headers: returns the headers of the current trace.
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
        trace_headers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._trace_headers = trace_headers
        self.base_url = base_url.rstrip("/")
        self._token = token
        port = urlsplit(self.base_url).port
        self._host = (
            {"host": f"{server_name}:{port}" if port else server_name} if server_name else {}
        )
        self._server_name = server_name
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_SECONDS)
        self._connections = connections
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, form: TypeAdapter[T]) -> T:
        """Return the JSON of a GET, validated."""
        raw, _ = await self._send("GET", path, None)
        return self._validated(raw, form)

    async def post(
        self, path: str, body: dict[str, Any], form: TypeAdapter[T]
    ) -> tuple[T, Mapping[str, str]]:
        """Return the validated JSON and the headers of a POST's response."""
        raw, headers = await self._send("POST", path, json.dumps(body).encode())
        return self._validated(raw, form), headers

    async def healthy(self) -> bool:
        """Ask whether `/health` answers 200 (TGI, vLLM, SGLang and llama.cpp have it). Raises nothing."""
        try:
            await self._send("GET", "/health", None)
        except OncofhirError:
            return False
        return True

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open_session(self) -> aiohttp.ClientSession:
        # created on the event loop, for aiohttp binds it to the running one
        connector = aiohttp.TCPConnector(
            limit=0,  # the concurrency limit bounds the requests
            ssl=self._tls or True,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"content-type": "application/json"},
        )

    async def _send(
        self, method: str, path: str, body: bytes | None
    ) -> tuple[bytes, Mapping[str, str]]:
        if self._session is None:
            self._session = self._open_session()
        try:
            try:
                return await self._exchange(self._session, method, path, body)
            except aiohttp.ServerDisconnectedError:
                # the server closed an idle connection as it was used; greedy decoding can be repeated
                return await self._exchange(self._session, method, path, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            is_slow = isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError)
            kind = AnswerTimeout if is_slow else DependencyUnavailable
            raise kind(Reason.MODEL_UNREACHABLE, self.base_url, cause_of(error)) from error

    async def _exchange(
        self, session: aiohttp.ClientSession, method: str, path: str, body: bytes | None
    ) -> tuple[bytes, Mapping[str, str]]:
        token = self._token()
        bearer = {"authorization": f"Bearer {token}"} if token else {}
        async with session.request(
            method,
            self.base_url + path,
            data=body,
            headers={**self._host, **bearer, **self._trace_headers()},
            allow_redirects=False,
            server_hostname=self._server_name,
        ) as response:
            raw = await self._read(response)
        if response.status >= 300:  # noqa: PLR2004
            raise self._error(response, raw, f"{self.base_url}{path}")
        return raw, response.headers

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise DependencyUnavailable(
                    Reason.MODEL_FAILED,
                    self.base_url,
                    f"the answer exceeds {MAX_ANSWER_BYTES} bytes",
                )
            chunks.append(chunk)
        return b"".join(chunks)

    @staticmethod
    def _error(response: aiohttp.ClientResponse, raw: bytes, where: str) -> OncofhirError:
        status = response.status
        detail = f"HTTP {status}{error_type(raw)}"
        if status in _DENIED:
            return AccessDenied(Reason.MODEL_ACCESS_DENIED, where, detail)
        if status == _OVERLOADED:
            retry_after = parse_number(response.headers.get("retry-after"))
            return DependencyUnavailable(Reason.MODEL_OVERLOADED, where, detail, retry_after)
        if status in _REJECTED:
            return RequestRejected(Reason.MODEL_REJECTED_PROMPT, where, detail)
        if status in _NOT_FOUND:
            return PathNotFound(Reason.MODEL_FAILED, where, detail)
        return DependencyUnavailable(Reason.MODEL_FAILED, where, detail)

    def _validated(self, raw: bytes, form: TypeAdapter[T]) -> T:
        try:
            return form.validate_json(raw)
        except ValidationError as error:
            raise DependencyUnavailable(
                Reason.MODEL_FAILED, self.base_url, "the answer is not of the API's form"
            ) from error


def error_type(raw: bytes) -> str:
    """Return the error type and the token counts of an error body, never its message.

    TGI: `{"error": "…", "error_type": "validation"}`; vLLM and llama.cpp: `{"error": {"type": "…"}}`,
    llama.cpp with `n_prompt_tokens` and `n_ctx`.
    """
    try:
        body = from_json(raw[:65536])
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    detail = error if isinstance(error, dict) else body
    kind = detail.get("type") or detail.get("error_type")
    counts = [
        f" {name}={detail[name]}"
        for name in ("n_prompt_tokens", "n_ctx")
        if isinstance(detail.get(name), int)
    ]
    return "".join([f" {code(kind)}" if kind else "", *counts])


def parse_number(value: str | None) -> float | None:
    """Return a header's number; None if it is absent, negative, not finite or not a number (a date)."""
    try:
        number = math.nan if value is None else float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
