"""Outages are waited for, as long as is allowed and as the server asks; wrong addresses are not."""

import asyncio

import pytest

from oncofhir.ingest.backfill.patience import Patience
from oncofhir.schemas.backoff import Backoff
from oncofhir.schemas.errors import DependencyUnavailable
from oncofhir.schemas.reasons import Reason


class Server:
    """Answers as its script says: None is a success, a number the Retry-After of a 503."""

    def __init__(self, *script):
        self.script = list(script)
        self.now = 0.0
        self.waits = []

    async def __call__(self):
        after = self.script.pop(0)
        if after is not None:
            raise DependencyUnavailable(Reason.STORE_FAILED, retry_after=after or None)
        return "answer"

    async def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds

    def patience(self, seconds):
        return Patience(
            seconds, backoff=Backoff(1.0, 60.0), sleep=self.sleep, clock=lambda: self.now
        )


def test_an_outage_is_waited_for_with_growing_delays_or_as_long_as_was_asked():
    server = Server(None, 0, 0, 30.0, 0, None)
    patience = server.patience(600)

    async def calls():
        return [await patience.call(server), await patience.call(server)]

    assert asyncio.run(calls()) == ["answer", "answer"]
    assert server.waits == [1.0, 2.0, 30.0, 8.0]


def test_an_outage_that_lasts_is_an_error():
    server = Server(None, *[0] * 100)
    patience = server.patience(100)

    async def calls():
        await patience.call(server)
        await patience.call(server)

    with pytest.raises(DependencyUnavailable):
        asyncio.run(calls())
    assert sum(server.waits) <= 100


def test_a_server_that_never_answered_is_not_waited_for_unless_it_asks():
    with pytest.raises(DependencyUnavailable):
        asyncio.run(Server(0).patience(600).call(Server(0)))
    server = Server(5.0, None)
    assert asyncio.run(server.patience(600).call(server)) == "answer"
    assert server.waits == [5.0]
