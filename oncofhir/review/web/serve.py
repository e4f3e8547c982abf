"""Serves the page until SIGTERM or Ctrl-C."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from oncofhir.consumers.health.bounded_http import BoundedHttp

_GRACE_SECONDS = 10


class _Server(uvicorn.Server):
    """Ends on a signal without raising it once more, so that a stop is no failure."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        def stop(_: int, __: FrameType | None) -> None:
            self.should_exit = True

        before = {n: signal.signal(n, stop) for n in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


async def serve(app: ASGIApp, listener: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve until a signal arrives; requests under way are finished. `ready` gets the address."""
    host, port, *_ = listener.getsockname()
    config = uvicorn.Config(
        app,
        http=BoundedHttp,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    ready(f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/")
    await _Server(config).serve(sockets=[listener])
