"""The rate limit: never more than it says over any stretch, and no burst after a pause."""

import asyncio

import pytest
import typer

from oncofhir.cli.backfill.options import parse_rate
from oncofhir.ingest.backfill.rate import RateLimit


class Clock:
    """A clock that the waits of the loop move on."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("rate", "most", "expected"), [(None, 500, 500), (7.5, 500, 7), (0.2, 500, 1), (900, 50, 50)]
)
def test_what_goes_out_together_is_a_second_of_the_rate(rate, most, expected):
    assert RateLimit(rate, Clock()).at_once(most) == expected


def test_records_are_spread(monkeypatch):
    clock = Clock()

    async def waited(stop, seconds):
        clock.now += seconds

    monkeypatch.setattr("oncofhir.ingest.backfill.rate.wait_for", waited)

    async def take():
        limit, stop, moments = RateLimit(10.0, clock), asyncio.Event(), []
        for pause in (0, 0, 0, 60, 0):
            clock.now += pause
            await limit.take(10, stop)
            moments.append(clock.now)
        return moments

    assert asyncio.run(take()) == [100.0, 101.0, 102.0, 162.0, 163.0]


@pytest.mark.parametrize(
    ("text", "rate"), [(None, None), ("50", 50), ("50/s", 50), ("600/min", 10), (" 0.5/s ", 0.5)]
)
def test_rates_are_read(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0", "0/s", "-1", "5/h", "fast", "1e9"])
def test_other_words_are_refused(text):
    with pytest.raises(typer.BadParameter, match="50/s"):
        parse_rate(text)
