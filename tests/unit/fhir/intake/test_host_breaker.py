"""A foreign attachment host that fails is left alone for a while; other hosts and the source are not."""

import asyncio

import pytest

from oncofhir.fhir.intake.host_breaker import THRESHOLD, HostBreakers
from oncofhir.fhir.intake.source_reader import SourceReader
from oncofhir.schemas.errors import DependencyUnavailable, UnreadableReport
from oncofhir.schemas.reasons import Reason

BAD, GOOD = "https://bad.example.org/1.pdf", "https://good.example.org/1.pdf"


class Client:
    """A client whose bad host fails until `heals`; counts requests by address."""

    base_url = "https://s.example.org/fhir"

    def __init__(self):
        self.requests = []
        self.is_bad = True

    async def read_binary(self, url, accept, policy):
        self.requests.append(url)
        await asyncio.sleep(0)
        if url == BAD and self.is_bad:
            raise DependencyUnavailable(Reason.STORE_UNREACHABLE)
        if url.endswith("404.pdf"):
            raise UnreadableReport(Reason.ATTACHMENT_NOT_FOUND)
        return b"text", "text/plain"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def reader(client, clock):
    return SourceReader(client, allowed_origins=[BAD, GOOD], hosts=HostBreakers(clock))


def fetch(reader, *urls):
    """What each fetch gave; readers with the companions of other reports share the breakers."""

    async def each():
        readers = [
            reader.with_companions(({"resourceType": "Patient", "id": str(n)},))
            for n in range(len(urls))
        ]
        fetches = (r.fetch_attachment(url, "*/*") for r, url in zip(readers, urls, strict=True))
        return await asyncio.gather(*fetches, return_exceptions=True)

    return asyncio.run(each())


def test_a_host_that_fails_gets_no_more_requests_and_others_do(reader, client):
    for _ in range(THRESHOLD):
        fetch(reader, BAD)
    (error,) = fetch(reader, BAD)
    assert client.requests.count(BAD) == THRESHOLD
    assert (error.reason, error.location) == (
        Reason.ATTACHMENT_HOST_UNAVAILABLE,
        "https://bad.example.org:443",
    )
    assert error.retry_after > 0
    assert fetch(reader, GOOD, "Binary/1") == [(b"text", "text/plain")] * 2


def test_after_a_pause_one_request_is_the_trial_and_pauses_grow(reader, client, clock):
    for _ in range(THRESHOLD):
        fetch(reader, BAD)
    clock.now += 2.1
    fetch(reader, *[BAD] * 5)
    assert client.requests.count(BAD) == THRESHOLD + 1
    clock.now += 2.1
    fetch(reader, BAD)
    assert client.requests.count(BAD) == THRESHOLD + 1
    clock.now += 2.0
    client.is_bad = False
    assert fetch(reader, BAD) == [(b"text", "text/plain")]
    assert fetch(reader, *[BAD] * 5) == [(b"text", "text/plain")] * 5


def test_open_hosts_are_named_until_they_answer_or_are_forgotten(reader, client, clock):
    for _ in range(THRESHOLD):
        assert reader.unavailable_hosts == ()
        fetch(reader, BAD, GOOD)
    assert reader.unavailable_hosts == ("https://bad.example.org:443",)
    clock.now += 599
    assert reader.unavailable_hosts
    clock.now += 2
    assert reader.unavailable_hosts == ()
    fetch(reader, BAD)
    assert reader.unavailable_hosts
    clock.now += 61
    client.is_bad = False
    fetch(reader, BAD)
    assert reader.unavailable_hosts == ()


def test_an_attachment_that_is_not_there_is_no_failure_of_its_host(reader, client):
    absent = "https://good.example.org/404.pdf"
    for _ in range(2 * THRESHOLD):
        (error,) = fetch(reader, absent)
        assert error.reason is Reason.ATTACHMENT_NOT_FOUND
    assert client.requests.count(absent) == 2 * THRESHOLD
