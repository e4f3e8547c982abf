"""Reads the body of a request within limits of size, time, and of all bodies together."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from oncofhir.ingest.http.refusal import Refusal

_CLOSE = {"connection": "close"}


class BodyReader:
    """Reads bodies of at most `max_bytes` each and `max_total_bytes` at a time, each within a time limit."""

    def __init__(
        self, max_bytes: int, max_total_bytes: int, timeout_seconds: float, retry_seconds: int
    ) -> None:
        self._max_bytes = max_bytes
        self._max_total_bytes = max_total_bytes
        self._timeout = timeout_seconds
        self._retry = retry_seconds
        self._total_bytes = 0

    async def read(self, request: Request) -> bytes:
        """Return the body, whether its length was stated or not.

        Raises:
            Refusal: 413, it is too large; 408, it did not arrive in time; 400, the client ended it early;
                503, too many bodies arrive at the same time.
        """
        stated = request.headers.get("content-length")
        if stated is not None and stated.isdigit() and int(stated) > self._max_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(self._timeout):
                async for part in request.stream():
                    if len(body) + len(part) > self._max_bytes:
                        raise self._too_large()
                    if self._total_bytes + len(part) > self._max_total_bytes:
                        later = _CLOSE | {"retry-after": str(self._retry)}
                        raise Refusal(503, "throttled", "too many notifications arrive", later)
                    self._total_bytes += len(part)
                    body += part
        except TimeoutError:
            raise Refusal(408, "timeout", "the body did not arrive in time", _CLOSE) from None
        except ClientDisconnect:
            raise Refusal(400, "incomplete", "the body is incomplete", _CLOSE) from None
        finally:
            self._total_bytes -= len(body)
        return bytes(body)

    def _too_large(self) -> Refusal:
        # The rest of the body is not read: the connection ends.
        return Refusal(413, "too-long", f"the body is larger than {self._max_bytes} bytes", _CLOSE)
