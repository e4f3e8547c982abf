"""Who may notify: a shared secret in a header, or a signed access token. Either is enough."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from oncofhir.ingest.http.refusal import Refusal
from oncofhir.settings import SettingsError

AUTHORIZATION = "authorization"
_BEARER = "bearer "


class Authentication(Protocol):
    """Decides by the headers of a request whether it may notify."""

    async def check(self, headers: Mapping[str, str]) -> None:
        """Return if the request may notify.

        Raises:
            Refusal: 401, credentials are missing or wrong; 403, they do not allow it; 503, they cannot be
                checked now.
        """


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of the header Authorization (RFC 6750), or None."""
    value = headers.get(AUTHORIZATION, "")
    return value[len(_BEARER) :].strip() if value.lower().startswith(_BEARER) else None


def unauthorized(message: str = "credentials are missing or wrong") -> Refusal:
    return Refusal(401, "login", message, {"www-authenticate": "Bearer"})


class NoCredentials:
    """Every request may notify: a client certificate or a gateway has authenticated it, or nothing has."""

    async def check(self, headers: Mapping[str, str]) -> None:
        del headers


class SharedSecret:
    """A secret in a header. `read` returns the secrets that are valid now, so that a rotation is seen."""

    def __init__(self, header: str, read: Callable[[], str | None]) -> None:
        self._header = header.lower()
        self._read = read

    async def check(self, headers: Mapping[str, str]) -> None:
        if self._header == AUTHORIZATION:
            given = bearer_token(headers) or ""
        else:
            given = headers.get(self._header, "")
        try:
            valid = (self._read() or "").split()
        except SettingsError:
            raise Refusal(503, "transient", "the secret cannot be read") from None
        # Each is compared in constant time, and none is left out.
        if not sum(hmac.compare_digest(given.encode(), secret.encode()) for secret in valid):
            raise unauthorized()


class AnyOf:
    """Several ways to authenticate, of which one is enough; the answer is that of the last one."""

    def __init__(self, ways: Sequence[Authentication]) -> None:
        self._ways = ways

    async def check(self, headers: Mapping[str, str]) -> None:
        for way in self._ways[:-1]:
            try:
                return await way.check(headers)
            except Refusal:
                continue
        return await self._ways[-1].check(headers)
