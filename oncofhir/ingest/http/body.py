"""Reads the body of a request within limits of size and time."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from oncofhir.ingest.http.refusal import Refusal

_CLOSE = {"connection": "close"}


async def read_body(request: Request, max_bytes: int, timeout_seconds: float) -> bytes:
    """Return the body, whether its length was stated or not.

    Raises:
        Refusal: 413, it is larger than `max_bytes`; 408, it did not arrive in time; 400, the client ended it
            early.
    """
    stated = request.headers.get("content-length")
    if stated is not None and stated.isdigit() and int(stated) > max_bytes:
        raise _too_large(max_bytes)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_seconds):
            async for part in request.stream():
                size += len(part)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                parts.append(part)
    except TimeoutError:
        raise Refusal(408, "timeout", "the body did not arrive in time", _CLOSE) from None
    except ClientDisconnect:
        raise Refusal(400, "incomplete", "the body is incomplete", _CLOSE) from None
    return b"".join(parts)


def _too_large(max_bytes: int) -> Refusal:
    # The rest of the body is not read: the connection ends.
    return Refusal(413, "too-long", f"the body is larger than {max_bytes} bytes", _CLOSE)
