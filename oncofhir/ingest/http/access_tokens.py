"""Access tokens (JWT, RFC 9068) of the senders, verified with the public keys of their issuer (RFC 7517)."""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import jwt
import structlog

from oncofhir.ingest.http.authentication import bearer_token, unauthorized
from oncofhir.ingest.http.refusal import Refusal
from oncofhir.settings import SettingsError

_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_LEEWAY_SECONDS = 30
_REFRESH_SECONDS = 300.0
# A token with an unknown key makes the keys be fetched again, but not more often than this.
_SHORTEST_REFRESH_SECONDS = 10.0
_FETCH_SECONDS = 5.0

log = structlog.get_logger(__name__)


class IssuerKeys:
    """The public keys at an address, fetched again now and then and for an unknown key id."""

    def __init__(
        self,
        url: str,
        ca_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._clock = clock
        self._context = _tls_context(ca_file)
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._fetching = asyncio.Lock()

    async def key(self, key_id: str | None) -> jwt.PyJWK | None:
        """Return the key with an id, or None. Without an id it is the only key, if there is only one.

        Raises:
            Refusal: 503, the keys cannot be fetched.
        """
        if self._is_older_than(_REFRESH_SECONDS) or self._find(key_id) is None:
            async with self._fetching:
                unknown = self._find(key_id) is None
                if self._is_older_than(_SHORTEST_REFRESH_SECONDS if unknown else _REFRESH_SECONDS):
                    await self._fetch()
        return self._find(key_id)

    def _find(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(key_id)

    def _is_older_than(self, seconds: float) -> bool:
        return self._fetched_at is None or self._clock() - self._fetched_at > seconds

    async def _fetch(self) -> None:
        try:
            async with httpx2.AsyncClient(
                verify=self._context, timeout=_FETCH_SECONDS, trust_env=False
            ) as http:
                answer = await http.get(self._url, headers={"accept": "application/json"})
                answer.raise_for_status()
            found = jwt.PyJWKSet.from_json(answer.text)
        except (httpx2.HTTPError, jwt.PyJWTError, ValueError, RecursionError) as error:
            log.warning("keys of the issuer cannot be fetched", error=type(error).__name__)
            if self._keys:  # the keys that are known still verify
                self._fetched_at = self._clock()
                return
            later = {"retry-after": "5"}
            raise Refusal(
                503, "transient", "the keys of the issuer cannot be fetched", later
            ) from error
        self._keys = {key.key_id: key for key in found.keys}
        self._fetched_at = self._clock()


class AccessTokens:
    """Accepts tokens of an issuer for an audience that have not expired, with a scope if one is demanded."""

    def __init__(self, keys: IssuerKeys, issuer: str, audience: str, scope: str | None) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._scope = scope

    async def check(self, headers: Mapping[str, str]) -> None:
        token = bearer_token(headers)
        if not token:
            raise unauthorized()
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = await self._keys.key(key_id if isinstance(key_id, str) else None)
            if key is None:
                raise unauthorized("the access token is signed with an unknown key")
            claims = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            # Only the kind: the message may quote a claim.
            raise unauthorized(f"the access token is refused: {type(error).__name__}") from None
        if self._scope is not None and self._scope not in _scopes(claims):
            raise Refusal(403, "forbidden", "the access token lacks the scope")


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """Return the scopes of a token: `scope` (RFC 9068), or a list in `scp`, as some issuers write."""
    stated = claims.get("scope", claims.get("scp", ""))
    if isinstance(stated, str):
        return set(stated.split())
    return {item for item in stated if isinstance(item, str)} if isinstance(stated, list) else set()


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as error:
        raise SettingsError(
            "ONCOFHIR_BRIDGE__OAUTH_CA_FILE cannot be used: "
            f"{getattr(error, 'strerror', None) or 'no PEM'}"
        ) from error
