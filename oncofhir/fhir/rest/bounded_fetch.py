"""One HTTP request within limits of size and time, and only to addresses that may be reached.

The server behind a link in a report is not trusted: its response may never end or decompress to a thousand
times its size, and its name may resolve to this machine.
"""

import asyncio
import ipaddress
import socket
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

import httpx2

_UNENCODED = frozenset({"", "identity"})
_GZIP = frozenset({"gzip", "x-gzip"})
_AFTER_DECODING = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_LOCAL = frozenset({"localhost"})
_MAX_ERROR_BYTES = 2**20


@dataclass(frozen=True)
class Bounds:
    """Limits of one response: its size after decompression, in bytes, and the total time, in seconds.

    A server that sends a byte now and then does not prolong the time.
    """

    max_bytes: int = 64 * 2**20
    seconds: float = 300.0


@dataclass(frozen=True)
class FetchPolicy:
    """Limits of fetching an attachment, and which addresses (URLs) its redirects may lead to."""

    bounds: Bounds
    allows: Callable[[str], bool]


class AnswerTooLargeError(Exception):
    """The response is larger than its limit. What was read of it is dropped."""


class AddressRefusedError(Exception):
    """A name resolves to this machine or its network segment: loopback, link-local and the like."""


class ContentCodingError(httpx2.HTTPError):
    """The response is compressed in a way that was not requested, or its compression is broken."""


async def fetch(
    http: httpx2.AsyncClient,
    method: str,
    address: str,
    bounds: Bounds,
    *,
    guarded: bool = False,
    headers: dict[str, str],
    **sent: Any,
) -> httpx2.Response:
    """Send a request and read its response, decompressed.

    With `guarded` the address comes from a report: its host may be a private address, because a hospital's
    file servers have those, but a name must not resolve to loopback or link-local addresses. A host that is
    written as an address or as `localhost` was listed as such.

    Raises:
        AnswerTooLargeError, AddressRefusedError: see there.
        TimeoutError: the request takes longer than its limit.
        httpx2.HTTPError: the server cannot be reached or breaks the protocol.
    """
    async with _exchange(
        http, method, address, bounds, guarded=guarded, headers=headers, **sent
    ) as (
        response,
        pieces,
    ):
        content = b"".join([piece async for piece in pieces])
    return _plain(response, content)


async def download(
    http: httpx2.AsyncClient,
    address: str,
    bounds: Bounds,
    into: IO[bytes],
    *,
    guarded: bool = False,
    headers: dict[str, str],
) -> httpx2.Response:
    """As `fetch` with GET, but write a successful response's body to a file: the result has none then.

    Raises:
        OSError: the file cannot be written; and what `fetch` raises.
    """
    content = b""
    async with _exchange(http, "GET", address, bounds, guarded=guarded, headers=headers) as (
        response,
        pieces,
    ):
        async for piece in pieces:
            if response.is_success:
                into.write(piece)
            elif len(content) < _MAX_ERROR_BYTES:
                content += piece
    return _plain(response, content)


@asynccontextmanager
async def _exchange(
    http: httpx2.AsyncClient,
    method: str,
    address: str,
    bounds: Bounds,
    *,
    guarded: bool,
    headers: dict[str, str],
    **sent: Any,
) -> AsyncIterator[tuple[httpx2.Response, AsyncIterator[bytes]]]:
    """Send a request, and yield the response with the pieces of its body, decompressed and bounded."""
    named = guarded and not _is_address(address)
    async with asyncio.timeout(bounds.seconds):
        if named:
            await _resolve(address)
        sent_headers = {**headers, "accept-encoding": "gzip"}
        async with http.stream(method, address, headers=sent_headers, **sent) as response:
            if named:  # the name may have been resolved again since
                _reject_local_address(_peer_address(response))
            yield response, _pieces(response, bounds.max_bytes)


def _plain(response: httpx2.Response, content: bytes) -> httpx2.Response:
    """Return a response with its decompressed content."""
    kept = [(k, v) for k, v in response.headers.multi_items() if k not in _AFTER_DECODING]
    return httpx2.Response(
        response.status_code, headers=kept, content=content, request=response.request
    )


def _is_address(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    if host in _LOCAL:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _resolve(address: str) -> None:
    host, port = urlsplit(address).hostname, urlsplit(address).port
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpx2.ConnectError(type(error).__name__) from error
    for *_, reached in found:
        _reject_local_address(str(reached[0]))


def _peer_address(response: httpx2.Response) -> str | None:
    stream = response.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream is not None else None
    return str(peer[0]) if isinstance(peer, tuple) else None


def _reject_local_address(text: str | None) -> None:
    if text is None:
        raise AddressRefusedError
    reached = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(reached, "ipv4_mapped", None)
    reached = mapped or reached
    if (
        reached.is_loopback
        or reached.is_link_local
        or reached.is_unspecified
        or reached.is_multicast
    ):
        raise AddressRefusedError


async def _pieces(response: httpx2.Response, max_bytes: int) -> AsyncIterator[bytes]:
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in _UNENCODED | _GZIP:
        raise ContentCodingError("content coding that was not requested")
    unpacker = _Gunzip(max_bytes) if coding in _GZIP else None
    size = 0
    async for chunk in response.aiter_raw():
        piece = chunk if unpacker is None else unpacker.unpacked(chunk)
        size += len(piece)
        if size > max_bytes:
            raise AnswerTooLargeError
        yield piece
    if unpacker is not None and size and not unpacker.is_whole:
        raise ContentCodingError("compressed content is truncated")


class _Gunzip:
    """Decompresses in pieces, and never holds more than the limit."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: the gzip format

    @property
    def is_whole(self) -> bool:
        return self._inflater.eof

    def unpacked(self, chunk: bytes) -> bytes:
        pieces: list[bytes] = []
        while chunk:
            if self._inflater.eof:  # gzip may have several members
                self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                piece = self._inflater.decompress(chunk, self._left + 1)
            except zlib.error as error:
                raise ContentCodingError("compressed content is broken") from error
            self._left -= len(piece)
            if self._left < 0:
                raise AnswerTooLargeError
            pieces.append(piece)
            chunk = self._inflater.unused_data
        return b"".join(pieces)
