"""SMART Backend Services: client_credentials with a signed assertion; a token is kept while it lasts.

Source: SMART App Launch 2.2, "Backend Services"; RFC 6749, 4.4 and 5.2.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx2

from oncofhir.fhir.references import origin
from oncofhir.fhir.rest.auth.signing import SigningKey, signed_assertion
from oncofhir.fhir.rest.responses import OK, error_for_status
from oncofhir.fhir.rest.retry import read_retries
from oncofhir.fhir.rest.transport import unreachable_error
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable
from oncofhir.schemas.reasons import Reason

WELL_KNOWN = "/.well-known/smart-configuration"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_DEFAULT_SECONDS = 300.0  # of a token whose server does not say: SMART's own recommendation
_MARGIN = 60.0  # seconds before its end at which a token is renewed, at most a fifth of its life
_ATTEMPTS = 3  # while there is no token; one while there is
_AGAIN = 5.0  # seconds until a renewal that failed is tried again while the token lasts
_REFUSALS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)


class BackendServices:
    """The tokens of one client at one FHIR server; one renewal at a time.

    `key` is asked at each renewal, so that a rotated key is used. `token_url` None: discovered.
    """

    def __init__(
        self,
        base_url: str,
        *,
        client_id: str,
        key: Callable[[], SigningKey],
        scopes: str,
        token_url: str | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._client_id = client_id
        self._key = key
        self._scopes = scopes
        self._token_url = token_url
        self._clock = clock
        self._renewing = asyncio.Lock()
        self._header: str | None = None
        self._renew_at = 0.0
        self._ends_at = 0.0
        self._http = httpx2.AsyncClient(
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            verify=tls if tls is not None else True,
        )

    async def header(self) -> str:
        """A token that is good for a while yet.

        While the one at hand is, a token endpoint that is down does no harm.

        Raises:
            DependencyUnavailable: the token endpoint cannot be asked.
            AccessDenied: it refuses this client.
        """
        if self._header is not None and self._clock() < self._renew_at:
            return self._header
        async with self._renewing:
            if self._header is not None and self._clock() < self._renew_at:
                return self._header
            lasts = self._header is not None and self._clock() < self._ends_at
            try:
                return await self._renew(1 if lasts else _ATTEMPTS)
            except DependencyUnavailable:
                if self._header is None or not lasts:
                    raise
                self._renew_at = self._clock() + min(_AGAIN, (self._ends_at - self._clock()) / 2)
                return self._header

    def invalidate(self, header: str) -> bool:
        """Forget the token that was refused, unless another request has done so already."""
        if header == self._header:
            self._header = None
        return True

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _renew(self, attempts: int) -> str:
        key = self._key()
        async for attempt in read_retries(attempts):
            with attempt:
                url = self._token_url or await self._discover_token_url(key)
                asked_at = self._clock()
                answer = await self._request_token(url, key)
        life = _seconds(answer.get("expires_in"))
        self._header = f"Bearer {answer['access_token']}"
        self._ends_at = asked_at + life
        self._renew_at = self._ends_at - min(_MARGIN, life / 5)
        return self._header

    async def _request_token(self, url: str, key: SigningKey) -> dict[str, Any]:
        form = {
            "grant_type": "client_credentials",
            "scope": self._scopes,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": signed_assertion(key, self._client_id, url, self._clock()),
        }
        answer = await self._json("POST", url, data=form)
        token, kind = answer.get("access_token"), str(answer.get("token_type", "")).lower()
        if not isinstance(token, str) or not token or kind != "bearer":
            raise DependencyUnavailable(Reason.STORE_FAILED, url, "no bearer token in the answer")
        return answer

    async def _discover_token_url(self, key: SigningKey) -> str:
        """The token endpoint that the server itself names; never less protected than the server."""
        where = self._base_url + WELL_KNOWN
        configuration = await self._json("GET", where)
        url = configuration.get("token_endpoint")
        named = origin(url) if isinstance(url, str) else None
        if not isinstance(url, str) or named is None:
            raise AccessDenied(Reason.STORE_ACCESS_DENIED, where, "it names no token_endpoint")
        if self._base_url.startswith("https:") and not named.startswith("https:"):
            raise AccessDenied(
                Reason.STORE_ACCESS_DENIED, where, "its token_endpoint is not https, the server is"
            )
        supported = configuration.get("token_endpoint_auth_signing_alg_values_supported")
        if isinstance(supported, list) and supported and key.algorithm not in supported:
            told = f"the server does not take assertions signed with {key.algorithm}"
            raise AccessDenied(Reason.STORE_ACCESS_DENIED, where, told)
        return url

    async def _json(self, method: str, url: str, **how: Any) -> dict[str, Any]:
        try:
            response = await self._http.request(
                method, url, headers={"accept": "application/json"}, **how
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise unreachable_error(error, url) from error
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if response.status_code not in OK:
            raise _refusal(response, answer, url)
        if not isinstance(answer, dict):
            raise DependencyUnavailable(Reason.STORE_FAILED, url, "the answer is no JSON object")
        return answer


def _refusal(response: httpx2.Response, answer: Any, url: str) -> Exception:
    """The error for an answer of the token endpoint; of its words only OAuth's own error codes."""
    status = response.status_code
    code = answer.get("error") if isinstance(answer, dict) else None
    if code in _REFUSALS:
        return AccessDenied(Reason.STORE_ACCESS_DENIED, url, f"HTTP {status} {code}")
    error = error_for_status(status, url, retry_after=response.headers.get("retry-after", ""))
    if isinstance(error, DependencyUnavailable):
        return error
    return AccessDenied(Reason.STORE_ACCESS_DENIED, url, f"HTTP {status}")


def _seconds(said: Any) -> float:
    try:
        life = float(said)
    except (TypeError, ValueError):
        return _DEFAULT_SECONDS
    return life if life > 0 else _DEFAULT_SECONDS
