"""Backoff grows, is bounded and never overflows; a token's lifetime is finite whatever the endpoint answers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.schemas.backoff import Backoff
from oncofhir.schemas.token_lifetime import DEFAULT_SECONDS, TokenLifetime


def test_delays_double_up_to_the_longest():
    backoff = Backoff(first=0.5, longest=15.0)
    assert [backoff.delay(n) for n in range(1, 8)] == [0.5, 1, 2, 4, 8, 15, 15]


@given(st.integers(-5, 10**9), st.floats(0, 1), st.floats(0, 1))
def test_a_delay_lies_between_its_jittered_bounds(attempt, jitter, spread):
    full = Backoff(0.5, 30.0).delay(attempt)
    delay = Backoff(0.5, 30.0, jitter=jitter).delay(attempt, spread)
    assert full * (1 - jitter) - 1e-9 <= delay <= full + 1e-9


@pytest.mark.parametrize(
    "stated", [None, "", "soon", [], {}, -1, 0, math.nan, math.inf, "inf", "1e999"]
)
def test_a_lifetime_that_is_none_is_the_default(stated):
    lifetime = TokenLifetime.from_answer(100.0, stated)
    assert lifetime.expires_at == 100.0 + DEFAULT_SECONDS


def test_a_token_is_renewed_in_the_last_fifth_of_its_life_and_at_most_the_margin_before_its_end():
    assert TokenLifetime.from_answer(0.0, 100) == TokenLifetime(80.0, 100.0)
    assert TokenLifetime.from_answer(0.0, "3600", 60.0) == TokenLifetime(3540.0, 3600.0)
    assert TokenLifetime(80.0, 100.0).renewal_is_due(80.0)
    assert not TokenLifetime(80.0, 100.0).has_expired(99.9)
