"""HTTP/1.1 with a timeout for the request header and a limit on connections, which uvicorn does not have.

Without them a client that opens connections and sends nothing keeps the probes of the kubelet from being
answered.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


class BoundedHttp(H11Protocol):
    """Closes connections whose header is not complete in time, and the oldest waiting one above the limit."""

    header_seconds = 5.0
    max_connections = 64
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the timeout of the first request. Close the oldest connection if there are too many."""
        super().connection_made(transport)
        self._start_deadline()
        open_connections = self.connections
        if len(open_connections) > self.max_connections:
            # One whose request is being answered is the last to go.
            oldest = min(open_connections, key=lambda c: (_is_answering(c), _opened_at(c)))
            oldest.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Start the timeout with the first byte of a request, and end it when the request is complete."""
        if self._deadline is None:
            self._start_deadline()
        super().data_received(data)
        cycle = getattr(self, "cycle", None)  # None before the first request
        if cycle is not None and not cycle.response_complete:
            self._end_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        super().connection_lost(exc)

    def _start_deadline(self) -> None:
        self.opened_at = self.loop.time()
        self._deadline = self.loop.call_later(self.header_seconds, self.transport.abort)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def bounded_http(header_seconds: float, max_connections: int) -> type[BoundedHttp]:
    """Return the protocol with limits of its own."""
    limits = {"header_seconds": header_seconds, "max_connections": max_connections}
    return type("BoundedHttp", (BoundedHttp,), limits)


def _is_answering(connection: Any) -> bool:
    cycle = getattr(connection, "cycle", None)
    return cycle is not None and not cycle.response_complete


def _opened_at(connection: Any) -> float:
    return getattr(connection, "opened_at", 0.0)
