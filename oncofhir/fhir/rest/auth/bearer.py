"""How requests to one FHIR server are authorised: not at all, or by a bearer token."""

from collections.abc import Callable
from typing import Protocol


class Authorization(Protocol):
    """What stands in the Authorization header of a request to the server's own origin."""

    async def header(self) -> str | None:
        """The header's value, None for none.

        Raises:
            DependencyUnavailable: a token cannot be had now.
            AccessDenied: a token is refused.
        """
        ...

    def invalidate(self, header: str) -> bool:
        """The server answered 401 to this header; whether it is worth asking with another one."""
        ...

    async def aclose(self) -> None:
        """Give back what it holds."""
        ...


class Anonymous:
    """No authorisation."""

    async def header(self) -> str | None:
        return None

    def invalidate(self, header: str) -> bool:  # noqa: ARG002
        return False

    async def aclose(self) -> None:
        return


class BearerToken:
    """A token that someone else renews, for instance in a mounted file; `read` is asked each time."""

    def __init__(self, read: Callable[[], str | None]) -> None:
        self._read = read

    async def header(self) -> str | None:
        token = self._read()
        return f"Bearer {token}" if token else None

    def invalidate(self, header: str) -> bool:
        """A file that was rotated between reading and asking holds another token by now."""
        token = self._read()
        return bool(token) and header != f"Bearer {token}"

    async def aclose(self) -> None:
        return
