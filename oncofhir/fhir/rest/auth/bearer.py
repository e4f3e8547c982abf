"""Authorization of requests to one FHIR server: none, or a bearer token."""

from collections.abc import Callable
from typing import Protocol


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


class BearerToken:
    """A token that is renewed elsewhere, for example in a mounted file; `read` is called for each request."""

    def __init__(self, read: Callable[[], str | None]) -> None:
        self._read = read

    async def header(self) -> str | None:
        token = self._read()
        return f"Bearer {token}" if token else None

    def invalidate(self, header: str) -> bool:
        """Return whether the file holds another token by now: it may have been rotated since it was read."""
        token = self._read()
        return bool(token) and header != f"Bearer {token}"

    async def aclose(self) -> None:
        return
