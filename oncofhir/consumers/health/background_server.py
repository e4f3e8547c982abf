"""Runs a uvicorn server within the event loop of a worker or a bridge, which keep the process's signals."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import uvicorn

from oncofhir.settings import SettingsError

_BACKLOG = 512
_START_POLL_SECONDS = 0.01


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Open a listening socket, of IPv6 where the address is one.

    Raises:
        SettingsError: the address cannot be used; `setting` is the name of the setting of the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror}; set {setting} to a free port"
        ) from error


class SignalFreeServer(uvicorn.Server):
    """A uvicorn server that leaves the signals of the process to its owner."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class BackgroundServer:
    """Serves while the context lasts, in the running event loop. `port` is the port that it listens on.

    At the end no connection is accepted any more, and running requests are finished within the configured
    `timeout_graceful_shutdown`.
    """

    def __init__(self, server: uvicorn.Server, host: str, port: int, setting: str) -> None:
        self._server = server
        self._address = (host, port, setting)
        self._serving: asyncio.Task[None] | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        listener = listen(*self._address)
        self.port = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started and not self._serving.done():  # noqa: ASYNC110 - uvicorn's flag
            await asyncio.sleep(_START_POLL_SECONDS)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await asyncio.wait([self._serving])
