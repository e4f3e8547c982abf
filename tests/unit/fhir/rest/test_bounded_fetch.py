"""Fetching an attachment is a trust boundary: a real server that never ends, unpacks, drips and redirects."""

import asyncio
import base64
import gzip
import socket
import time
import tracemalloc
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from oncofhir.fhir.intake.source_reader import SourceReader
from oncofhir.fhir.rest.auth.bearer import BearerToken
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.schemas.errors import DependencyUnavailable, UnreadableReport
from oncofhir.schemas.reasons import Reason
from tests.serving import served

MAX = 100_000
TEXT = b"Invasive carcinoma"
sent = []


async def _endless(piece, pause=0.0):
    while True:
        sent.append(len(piece))
        yield piece
        await asyncio.sleep(pause)


def _gzipped(content):
    return Response(gzip.compress(content), headers={"content-encoding": "gzip"})


def _forever(request):
    return StreamingResponse(_endless(b"x" * 10_000), media_type="text/plain")


def _drip(request):
    return StreamingResponse(_endless(b"x", 0.05), media_type="text/plain")


def _zeros(request):
    packed = gzip.compress(bytes(64 * 2**20))
    return Response(packed, headers={"content-encoding": "gzip"}, media_type="text/plain")


def _endless_zeros(request):
    packer = gzip.zlib.compressobj(wbits=31)
    packed = packer.compress(bytes(2**20)) + packer.flush(gzip.zlib.Z_FULL_FLUSH)

    async def pieces():
        yield packed
        while True:
            yield packer.compress(bytes(2**20)) + packer.flush(gzip.zlib.Z_FULL_FLUSH)
            await asyncio.sleep(0)

    return StreamingResponse(pieces(), headers={"content-encoding": "gzip"})


def _cut_off(request):
    packed = gzip.compress(TEXT * 100)[:-9]
    return Response(packed, headers={"content-encoding": "gzip"})


def _members(request):
    packed = gzip.compress(TEXT) + gzip.compress(b", 14 mm")
    return Response(packed, headers={"content-encoding": "gzip"})


def _binary(request):
    data = base64.b64encode(b"y" * int(request.path_params["size"])).decode()
    resource = {"resourceType": "Binary", "contentType": "text/plain", "data": data}
    return JSONResponse(resource, media_type="application/fhir+json")


def _redirect(request):
    return RedirectResponse(request.query_params["to"], status_code=307)


ROUTES = [
    Route("/health", lambda _: Response()),
    Route("/fhir/Binary/text", lambda _: Response(TEXT, media_type="text/plain")),
    Route("/fhir/Binary/gzip", lambda _: _gzipped(TEXT)),
    Route("/fhir/Binary/members", _members),
    Route("/fhir/Binary/forever", _forever),
    Route("/fhir/Binary/drip", _drip),
    Route("/fhir/Binary/zeros", _zeros),
    Route("/fhir/Binary/endless-zeros", _endless_zeros),
    Route("/fhir/Binary/cut-off", _cut_off),
    Route(
        "/fhir/Binary/brotli",
        lambda _: Response(TEXT, headers={"content-encoding": "br"}),
    ),
    Route("/fhir/Binary/plain-bytes", lambda _: Response(b"z" * (MAX + 1))),
    Route("/fhir/Binary/no-content", lambda _: Response(b"", headers={"content-encoding": "gzip"})),
    Route("/fhir/Binary/base64-{size}", _binary),
    Route("/fhir/Binary/round", lambda _: RedirectResponse("round")),
    Route("/fhir/Binary/near", lambda _: RedirectResponse("/elsewhere/text")),
    Route("/fhir/Binary/metadata", lambda _: RedirectResponse("http://169.254.169.254/latest/")),
    Route("/fhir/Binary/nowhere", lambda _: Response(status_code=302)),
    Route("/elsewhere/text", lambda _: Response(TEXT, media_type="text/plain")),
    Route("/elsewhere/redirect", _redirect),
]


@pytest.fixture(scope="module")
def url():
    with served(Starlette(routes=ROUTES)) as running:
        yield running


@pytest.fixture(scope="module")
def other_url():
    with served(Starlette(routes=ROUTES)) as running:
        yield running


def fetched(base, path, *, allowed=(), seconds=20.0, attempts=1):
    async def fetch():
        client = FhirClient(
            base, authorization=BearerToken(lambda: "secret"), read_attempts=attempts
        )
        reader = SourceReader(
            client, allowed_origins=allowed, max_attachment_bytes=MAX, fetch_seconds=seconds
        )
        try:
            return await reader.fetch_attachment(path, "text/plain")
        finally:
            await client.aclose()

    return asyncio.run(fetch())


def refused(base, path, error=UnreadableReport, **how):
    with pytest.raises(error) as caught:
        fetched(base, path, **how)
    return caught.value.reason


@pytest.mark.parametrize("name", ["text", "gzip"])
def test_content_comes_as_it_is(url, name):
    assert fetched(f"{url}/fhir", f"Binary/{name}")[0] == TEXT


def test_gzip_may_have_several_members_and_nothing_may_be_empty(url):
    assert fetched(f"{url}/fhir", "Binary/members")[0] == TEXT + b", 14 mm"
    assert fetched(f"{url}/fhir", "Binary/no-content")[0] == b""


def test_a_server_that_never_ends_is_left_at_the_limit(url):
    sent.clear()
    assert refused(f"{url}/fhir", "Binary/forever") is Reason.ATTACHMENT_TOO_LARGE
    time.sleep(0.2)
    assert sum(sent) < 100 * MAX, "it went on after the limit"


@pytest.mark.parametrize("name", ["zeros", "endless-zeros", "plain-bytes"])
def test_size_counts_after_decompression_and_is_never_held(url, name):
    fetched(f"{url}/fhir", "Binary/text")
    if name == "zeros":  # 64 MB in the server's own memory; what is measured is the reader's share
        assert refused(f"{url}/fhir", f"Binary/{name}") is Reason.ATTACHMENT_TOO_LARGE
        return
    tracemalloc.start()
    try:
        assert refused(f"{url}/fhir", f"Binary/{name}") is Reason.ATTACHMENT_TOO_LARGE
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def test_a_binary_resource_may_be_longer_than_what_it_holds(url):
    assert fetched(f"{url}/fhir", f"Binary/base64-{MAX}") == (b"y" * MAX, "text/plain")
    assert refused(f"{url}/fhir", f"Binary/base64-{MAX + 1}") is Reason.ATTACHMENT_TOO_LARGE


def test_a_server_that_drips_is_left_after_the_time(url):
    start = time.monotonic()
    reason = refused(f"{url}/fhir", "Binary/drip", DependencyUnavailable, seconds=0.6, attempts=3)
    assert reason is Reason.STORE_UNREACHABLE
    assert time.monotonic() - start < 30, "all attempts together have the time of one"


@pytest.mark.parametrize("name", ["cut-off", "brotli"])
def test_what_cannot_be_decompressed_is_asked_for_again(url, name):
    assert refused(f"{url}/fhir", f"Binary/{name}", DependencyUnavailable)


# where it leads


def test_a_redirect_within_the_source_or_to_an_allowed_origin_is_followed(url, other_url):
    assert fetched(f"{url}/fhir", "Binary/near")[0] == TEXT
    away = f"{url}/elsewhere/redirect?to={other_url}/elsewhere/text"
    assert fetched("http://127.0.0.1:9/fhir", away, allowed=[url, other_url])[0] == TEXT


@pytest.mark.parametrize("name", ["metadata", "round", "nowhere"])
def test_other_redirects_are_refused(url, name):
    reason = refused(f"{url}/fhir", f"Binary/{name}")
    assert reason is Reason.ATTACHMENT_URL_REFUSED


def test_a_redirect_from_an_allowed_origin_to_another_is_refused(url, other_url):
    for to in (f"{other_url}/elsewhere/text", "file:///etc/passwd", "http://[::1]/"):
        away = f"{url}/elsewhere/redirect?to={to}"
        reason = refused("http://127.0.0.1:9/fhir", away, allowed=[url])
        assert reason is Reason.ATTACHMENT_URL_REFUSED


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.1", "0.0.0.0", "[::1]", "localhost"])
def test_an_address_of_this_machine_is_refused_unless_it_is_listed(url, host):
    port = urlsplit(url).port
    link = f"http://{host}:{port}/elsewhere/text"
    reason = refused("http://127.0.0.1:9/fhir", link, allowed=["https://files.example.org"])
    assert reason is Reason.ATTACHMENT_URL_REFUSED


def test_a_listed_name_may_not_resolve_to_this_machine(url):
    """`127.1` is a name to the URL and 127.0.0.1 to the resolver, as an attacker's DNS entry would be."""
    port = urlsplit(url).port
    assert socket.getaddrinfo("127.1", port)[0][4][0] == "127.0.0.1"
    origin = f"http://127.1:{port}"
    reason = refused(
        "http://127.0.0.1:9/fhir", f"{origin}/elsewhere/text", allowed=[origin, "http://other"]
    )
    assert reason is Reason.ATTACHMENT_URL_REFUSED
    assert fetched("http://127.0.0.1:9/fhir", f"{url}/elsewhere/text", allowed=[url])[0] == TEXT


def test_a_name_that_does_not_resolve_is_unavailable():
    link = "http://no-such-host.invalid/x"
    assert refused(
        "http://127.0.0.1:9/fhir",
        link,
        DependencyUnavailable,
        allowed=["http://no-such-host.invalid"],
    )
