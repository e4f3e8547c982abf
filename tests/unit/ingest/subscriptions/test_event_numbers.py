"""The tracker of event numbers against a plain set of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from oncofhir.ingest.subscriptions import event_numbers as module
from oncofhir.ingest.subscriptions.event_numbers import EventNumbers

numbers = st.lists(st.lists(st.integers(1, 40), max_size=4), max_size=30)


def missing(tracker):
    return [number for gap in tracker.missing() for number in gap]


@given(numbers, st.integers(0, 50))
def test_what_is_missing_is_what_did_not_arrive_below_the_highest(batches, announced):
    tracker = EventNumbers(0)
    for batch in batches:
        tracker.add(batch)
    tracker.announce(announced)
    arrived = {number for batch in batches for number in batch}
    highest = max(arrived | {announced})
    assert missing(tracker) == sorted(set(range(1, highest + 1)) - arrived)
    assert tracker.highest == highest


@given(numbers)
def test_order_and_repetition_change_nothing(batches):
    first, second = EventNumbers(0), EventNumbers(0)
    for batch in batches:
        first.add(batch)
    for batch in [*reversed(batches), *batches]:
        second.add(batch)
    assert missing(first) == missing(second)
    assert first.contiguous == second.contiguous


@given(numbers, st.data())
def test_gaps_that_are_closed_one_by_one_leave_nothing(batches, data):
    tracker = EventNumbers(0)
    for batch in batches:
        tracker.add(batch)
    before, count = missing(tracker), 0
    while gap := next(tracker.missing(), None):
        if data.draw(st.booleans()):
            count += tracker.give_up(gap)
        else:
            tracker.add(gap)
            count += len(gap)
    assert count == len(before)
    assert tracker.contiguous == tracker.highest


def test_the_first_number_is_where_it_begins():
    tracker = EventNumbers()
    assert missing(tracker) == []
    tracker.add([17])
    tracker.add([19])
    assert missing(tracker) == [18]


def test_an_absurd_number_costs_no_memory():
    tracker = EventNumbers(0)
    tracker.add([10**17])
    (gap,) = tracker.missing()
    assert len(gap) == 10**17 - 1
    assert tracker.give_up(gap) == 10**17 - 1


def test_above_the_limit_the_oldest_gap_is_given_up(monkeypatch):
    monkeypatch.setattr(module, "MAX_AHEAD", 3)
    tracker = EventNumbers(0)
    assert tracker.add([2, 4, 6]) == 0
    assert tracker.add([8]) == 1
    assert missing(tracker) == [3, 5, 7]


def test_a_server_that_counts_from_one_again_is_followed():
    tracker = EventNumbers(90)
    tracker.restart(2)
    assert missing(tracker) == [1, 2]
