"""Authorization of requests to one FHIR server: none, or a bearer token."""

import re
from collections.abc import Callable
from typing import Protocol

from oncofhir.schemas.errors import AccessDenied
from oncofhir.schemas.reasons import Reason

# RFC 6750 allows less; what is refused here could not be sent, or would end the header.
_TOKEN = re.compile(r"[\x21-\x7e]+")


class Authorization(Protocol):
    """Supplies the Authorization header of requests to the server's own origin."""

    async def header(self) -> str | None:
        """Return the value of the header, or None for no header.

        Raises:
            DependencyUnavailable: no token can be obtained at present.
            AccessDenied: a token is refused.
        """
        ...

    def invalidate(self, header: str) -> bool:
        """Discard a header that the server refused (401). Return whether another one is worth a try."""
        ...

    async def aclose(self) -> None:
        """Release the connections that it holds."""
        ...


class Anonymous:
    """No authorization."""

    async def header(self) -> str | None:
        return None

    def invalidate(self, header: str) -> bool:  # noqa: ARG002
        return False

    async def aclose(self) -> None:
        return


def bearer_header(token: str, source: str) -> str:
    """Return the header for a token (RFC 6750, 2.1: `b64token`).

    Raises:
        AccessDenied: the token has characters that a header must not hold.
    """
    if _TOKEN.fullmatch(token) is None:
        detail = f"{source} holds characters that no bearer token has"
        raise AccessDenied(Reason.STORE_ACCESS_DENIED, None, detail)
    return f"Bearer {token}"


class BearerToken:
    """A token that is renewed elsewhere, for example in a mounted file; `read` is called for each request."""

    def __init__(self, read: Callable[[], str | None]) -> None:
        self._read = read

    async def header(self) -> str | None:
        token = self._read()
        return bearer_header(token, "the token file") if token else None

    def invalidate(self, header: str) -> bool:
        """Return whether the file holds another token by now: it may have been rotated since it was read."""
        token = self._read()
        return bool(token) and header != f"Bearer {token}"

    async def aclose(self) -> None:
        return
