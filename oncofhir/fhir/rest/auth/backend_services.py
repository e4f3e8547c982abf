"""SMART Backend Services: client credentials with a signed assertion; a token is kept while it is valid.

Source: SMART App Launch 2.2, "Backend Services"; RFC 6749, 4.4 and 5.2.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx2

from oncofhir.fhir.references import server_origin
from oncofhir.fhir.rest.auth.bearer import bearer_header
from oncofhir.fhir.rest.auth.signing import SigningKey, signed_assertion
from oncofhir.fhir.rest.bounded_fetch import AnswerTooLargeError, Bounds, fetch
from oncofhir.fhir.rest.responses import OK, error_for_status
from oncofhir.fhir.rest.retry import read_retries
from oncofhir.fhir.rest.system_authorities import system_authorities
from oncofhir.fhir.rest.transport import unreachable_error
from oncofhir.schemas.errors import AccessDenied, DependencyUnavailable
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.token_lifetime import TokenLifetime

WELL_KNOWN = "/.well-known/smart-configuration"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_MARGIN = (
    60.0  # seconds before its end at which a token is renewed, at most a fifth of its lifetime
)
_ATTEMPTS = 3  # while there is no token; one while there is
_AGAIN = 5.0  # seconds until a failed renewal is repeated while the token is valid
_MAX_BYTES = 256 * 1024  # of a response; tokens have a few kilobytes
_WRONG_ADDRESS = frozenset({404, 405, 410, 501})
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

    `key` is called at each renewal and may return a rotated key. Without `token_url` it is discovered.
    `audience` is the `aud` of assertions; by default, and by the specification, the token endpoint.
    """

    def __init__(
        self,
        base_url: str,
        *,
        client_id: str,
        key: Callable[[], SigningKey],
        scopes: str,
        token_url: str | None = None,
        audience: str | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._client_id = client_id
        self._key = key
        self._scopes = scopes
        self._token_url = token_url
        self._audience = audience
        self._bounds = Bounds(_MAX_BYTES, timeout)
        self._clock = clock
        self._renewing = asyncio.Lock()
        self._header: str | None = None
        self._lifetime = TokenLifetime(0.0, 0.0)
        self._http = httpx2.AsyncClient(
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            verify=tls or system_authorities(),
        )

    async def header(self) -> str:
        """Return a token that stays valid for a while.

        While the current one is valid, an outage of the token endpoint has no effect.

        Raises:
            DependencyUnavailable: the token endpoint is unavailable.
            AccessDenied: it refuses this client, or what it issues is not a bearer token.
        """
        if self._header is not None and not self._lifetime.renewal_is_due(self._clock()):
            return self._header
        async with self._renewing:
            if self._header is not None and not self._lifetime.renewal_is_due(self._clock()):
                return self._header
            lasts = self._header is not None and not self._lifetime.has_expired(self._clock())
            try:
                return await self._renew(1 if lasts else _ATTEMPTS)
            except DependencyUnavailable:
                if self._header is None or not lasts:
                    raise
                self._lifetime = self._lifetime.postponed(self._clock(), _AGAIN)
                return self._header

    def invalidate(self, header: str) -> bool:
        """Discard the token that was refused, unless another request has done so already."""
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
        self._header = bearer_header(answer["access_token"], "the token response")
        self._lifetime = TokenLifetime.from_answer(asked_at, answer.get("expires_in"), _MARGIN)
        return self._header

    async def _request_token(self, url: str, key: SigningKey) -> dict[str, Any]:
        form = {
            "grant_type": "client_credentials",
            "scope": self._scopes,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": signed_assertion(
                key, self._client_id, self._audience or url, self._clock()
            ),
        }
        answer = await self._json("POST", url, data=form)
        token, kind = answer.get("access_token"), answer.get("token_type", "bearer")
        # Asking again would change nothing about either.
        if not isinstance(token, str) or not token:
            detail = "the token response has no access_token"
            raise AccessDenied(Reason.STORE_ACCESS_DENIED, url, detail)
        if not isinstance(kind, str) or kind.lower() != "bearer":
            detail = "the token endpoint issues tokens that are not bearer tokens"
            raise AccessDenied(Reason.STORE_ACCESS_DENIED, url, detail)
        return answer

    async def _discover_token_url(self, key: SigningKey) -> str:
        """Read the token endpoint that the server names; it must be https if the server is."""
        where = self._base_url + WELL_KNOWN
        configuration = await self._json("GET", where)
        url = configuration.get("token_endpoint")
        named = server_origin(url) if isinstance(url, str) else None
        if not isinstance(url, str) or named is None:
            detail = "it names no token_endpoint; set ONCOFHIR_FHIR__TOKEN_URL"
            raise AccessDenied(Reason.STORE_ACCESS_DENIED, where, detail)
        if self._base_url.startswith("https:") and not named.startswith("https:"):
            raise AccessDenied(
                Reason.STORE_ACCESS_DENIED, where, "its token_endpoint is not https, the server is"
            )
        supported = configuration.get("token_endpoint_auth_signing_alg_values_supported")
        if isinstance(supported, list) and supported and key.algorithm not in supported:
            detail = f"the server does not accept assertions signed with {key.algorithm}"
            raise AccessDenied(Reason.STORE_ACCESS_DENIED, where, detail)
        return url

    async def _json(self, method: str, url: str, **how: Any) -> dict[str, Any]:
        try:
            headers = {"accept": "application/json"}
            response = await fetch(self._http, method, url, self._bounds, headers=headers, **how)
        except AnswerTooLargeError as error:
            raise DependencyUnavailable(
                Reason.STORE_FAILED, url, f"the response has more than {_MAX_BYTES} bytes"
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise unreachable_error(error, url) from error
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = None
        if response.status_code not in OK:
            raise _refusal(response, answer, url)
        if not isinstance(answer, dict):
            raise DependencyUnavailable(
                Reason.STORE_FAILED, url, "the response is not a JSON object"
            )
        return answer


def _refusal(response: httpx2.Response, answer: Any, url: str) -> Exception:
    """Return the error for a response of the token endpoint; of its words, only OAuth's error codes are kept.

    An address that does not exist, or does not take this request, is a mistake in the settings and not an
    outage.
    """
    status = response.status_code
    code = answer.get("error") if isinstance(answer, dict) else None
    if code in _REFUSALS:
        return AccessDenied(Reason.STORE_ACCESS_DENIED, url, f"HTTP {status} {code}")
    if status in _WRONG_ADDRESS:
        detail = f"HTTP {status}: check ONCOFHIR_FHIR__TOKEN_URL"
        return AccessDenied(Reason.STORE_ACCESS_DENIED, url, detail)
    error = error_for_status(status, url, retry_after=response.headers.get("retry-after", ""))
    if isinstance(error, DependencyUnavailable):
        return error
    return AccessDenied(Reason.STORE_ACCESS_DENIED, url, f"HTTP {status}")
