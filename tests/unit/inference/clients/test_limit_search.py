"""The search over levels: against curves of throughput, without a server."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.inference.clients.limit_search import FIRST, LimitSearch, levels


def feed(search, rate, answers, now=0.0):
    """Answer so many requests at the rate that the curve gives for the limit."""
    seen = []
    for _ in range(answers):
        now += 1 / rate(search.limit)
        search.answered(now, now, is_used=True, has_queued=False)
        seen.append(search.limit)
    return seen


def saturating(half):
    return lambda n: 100 * n / (half + n)


@pytest.mark.parametrize(("half", "least"), [(1, 12), (5, 24), (15, 32)])
def test_it_climbs_as_far_as_it_pays(half, least):
    seen = feed(LimitSearch(32), saturating(half), 20_000)
    rate = saturating(half)
    assert sum(map(rate, seen[5000:])) / len(seen[5000:]) >= 0.95 * rate(32)
    assert max(seen[2500:]) >= least


def test_it_comes_down_where_more_is_slower():
    best = 3
    seen = feed(LimitSearch(32), lambda n: 50 - 5 * abs(n - best), 4000)
    assert max(set(seen[1000:]), key=seen[1000:].count) in {3, 4}


def test_what_the_load_was_is_forgotten():
    search = LimitSearch(32)
    feed(search, saturating(20), 10_000)
    assert search.limit >= 24
    seen = feed(search, lambda n: 20 / (1 + n / 4), 20_000, now=1e6)
    assert max(set(seen[-2000:]), key=seen[-2000:].count) <= 4


@given(
    st.integers(1, 200),
    st.lists(
        st.tuples(
            st.sampled_from(["used", "idle", "queued", "refused", "late"]), st.integers(1, 99)
        ),
        max_size=60,
    ),
)
def test_the_limit_stays_between_one_and_the_bound(bound, events):
    search, now = LimitSearch(bound), 0.0
    assert search.limit == min(FIRST, bound)
    for event, times in events:
        for _ in range(times):
            now += 0.1
            if event == "refused":
                search.refused(now, now)
            elif event == "late":
                search.timed_out(now, now)
            else:
                search.answered(now, now, is_used=event != "idle", has_queued=event == "queued")
            assert 1 <= search.limit <= bound


@given(st.integers(1, 5000))
def test_levels_rise_to_the_bound(bound):
    found = levels(bound)
    assert found[0] == 1
    assert found[-1] == bound
    assert all(a < b <= 2 * a for a, b in itertools.pairwise(found))
