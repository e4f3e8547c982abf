"""History rests while live records wait: for any course of events, and both lanes come to their end."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.source.priority import (
    BackfillRule,
    BackfillState,
    live_lag,
    next_state,
    partitions_to_pause,
)

RULE = BackfillRule(pause_above=10, calm_seconds=1.0)
LIVE, BACKFILL = ("live", 0), ("history", 0)


def after(*turns, state=None):
    for behind, now in turns:
        state = next_state(state or BackfillState(), behind, now, RULE)
    return state


def test_history_begins_resting_and_goes_on_after_a_calm_second():
    assert after((0, 5.0)).paused
    assert after((0, 5.0), (0, 5.9)).paused
    assert not after((0, 5.0), (5, 6.0)).paused


def test_between_the_half_and_the_limit_nothing_changes_and_above_it_history_rests_at_once():
    flows = after((0, 0.0), (0, 1.0))
    assert not after((10, 1.1), state=flows).paused
    rests = after((11, 1.1), state=flows)
    assert rests.paused
    assert after((10, 2.0), (10, 9.0), state=rests).paused
    assert after((5, 2.0), (6, 2.5), (5, 2.6), (5, 3.5), state=rests).paused
    assert not after((5, 2.0), (5, 3.0), state=rests).paused


def test_what_is_not_known_counts_as_behind():
    assert after((0, 0.0), (0, 1.0), (None, 1.1)).paused
    assert live_lag([LIVE], {}, 0) is None
    assert live_lag([LIVE], {LIVE: -1}, 2) == 2  # Tansu's ends lie before its records
    assert live_lag([], {}, 0) == 0


def test_each_reason_to_pause_pauses_its_own():
    def paused(**reasons):
        calm = {
            "everything": False,
            "over_replay_limit": (),
            "backfill_paused": False,
            "backfill_exhausted": False,
        }
        return partitions_to_pause({LIVE, BACKFILL}, {"history"}, **(calm | reasons))

    assert paused() == frozenset()
    assert paused(everything=True) == {LIVE, BACKFILL}
    assert paused(backfill_paused=True) == paused(backfill_exhausted=True) == {BACKFILL}
    assert paused(over_replay_limit={LIVE}, backfill_paused=True) == {LIVE, BACKFILL}
    assert paused(over_replay_limit={BACKFILL}) == {BACKFILL}


turns = st.lists(
    st.tuples(
        st.integers(0, 30),  # live records that arrive
        st.booleans(),  # whether the live partition's end is told
        st.booleans(),  # whether all that may be held is held
        st.floats(0.0, 2.0),  # seconds that pass
    ),
    max_size=60,
)


@given(turns, st.integers(0, 200), st.integers(0, 20))
def test_history_is_never_read_while_live_is_behind_and_both_end(course, history, limit):
    rule = BackfillRule(pause_above=limit, calm_seconds=1.0)
    state, now, live = BackfillState(), 0.0, 0
    calm = [(0, True, False, 0.5)] * 1_000
    for arrive, is_told, is_full, seconds in [*course, *calm]:
        now += seconds
        live += arrive
        behind = live_lag([LIVE], {LIVE: live} if is_told else {}, 0)
        state = next_state(state, behind, now, rule)
        paused = partitions_to_pause(
            {LIVE, BACKFILL},
            {"history"},
            everything=is_full,
            over_replay_limit=(),
            backfill_paused=state.paused,
            backfill_exhausted=False,
        )
        if live > limit or not is_told or is_full:
            assert BACKFILL in paused
        assert is_full or LIVE not in paused
        live -= min(live, 3) if LIVE not in paused else 0
        history -= min(history, 2) if BACKFILL not in paused else 0
    assert (live, history) == (0, 0)


@given(st.lists(st.integers(4, 14), min_size=1, max_size=50))
def test_it_does_not_change_more_often_than_once_in_a_calm_time(course):
    state, began = BackfillState(), []
    for turn, behind in enumerate(course):
        before, state = state, next_state(state, behind, turn * 0.1, RULE)
        if before.paused and not state.paused:
            began.append(turn)
    assert all(later - earlier > 10 for earlier, later in pairwise(began))
