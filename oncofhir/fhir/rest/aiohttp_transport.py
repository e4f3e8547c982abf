"""aiohttp beneath httpx2: connections to one server at a third of the CPU time.

httpx2's own pool polls the socket of every idle connection for each request: with 16 connections that is half
of what a request costs. The interface, the limits and the errors stay httpx2's.
"""

import io
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import httpx2
from yarl import URL

_MAX_HEADER_BYTES = 64 * 2**10  # as httpx2 allows, and servers send
_AUTOMATIC = ("User-Agent", "Content-Type", "Accept", "Accept-Encoding")


class AioHttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests with aiohttp. Belongs to one event loop, on which it opens connections when needed.

    Args:
        tls: trusted authorities, perhaps with a client certificate.
        connect_seconds: time limit of a connection and its TLS handshake.
        read_seconds: time limit between two pieces of a response.
        keep_alive_seconds: how long an idle connection is kept. Servers close theirs after 5 s and more.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        *,
        connect_seconds: float,
        read_seconds: float,
        keep_alive_seconds: float = 4.0,
    ) -> None:
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_seconds, sock_read=read_seconds
        )
        self._keep_alive = keep_alive_seconds
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._session is None:
            self._session = self._open()
        content = request.content
        with _as_httpx2():
            response = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                # A stream goes out in pieces; bytes would hold up the event loop while they are written.
                data=io.BytesIO(content) if content else None,
                headers=[(k.decode("ascii"), v.decode("latin-1")) for k, v in request.headers.raw],
                allow_redirects=False,
            )
        return httpx2.Response(
            response.status, headers=response.raw_headers, stream=_Body(response), request=request
        )

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._tls, keepalive_timeout=self._keep_alive)
        return aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_AUTOMATIC,
            auto_decompress=False,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx2():
            async for piece in self._response.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        self._response.release()  # a connection with an unread rest is closed


@contextmanager
def _as_httpx2() -> Iterator[None]:
    """Raise the errors of aiohttp as httpx2's, with their causes."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx2.ConnectTimeout(type(error).__name__) from error
    except TimeoutError as error:
        raise httpx2.ReadTimeout(type(error).__name__) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx2.ConnectError(type(error).__name__) from error
    except aiohttp.InvalidURL as error:
        raise httpx2.InvalidURL(type(error).__name__) from error
    except aiohttp.ClientOSError as error:
        raise httpx2.ReadError(type(error).__name__) from error
    except (aiohttp.ClientError, ValueError) as error:
        raise httpx2.RemoteProtocolError(type(error).__name__) from error
