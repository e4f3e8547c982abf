"""No interleaving of completions, revocations and restarts commits past an unfinished record."""

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates
from oncofhir.consumers.source.assignment import Assignment, Rewind
from oncofhir.consumers.source.offsets import OffsetTracker

PARTITION = ("topic", 0)


class Consumption(RuleBasedStateMachine):
    """A log with gaps, a consumer that is assigned, revoked, lost and killed, and a model of what is done.

    The model is the set of offsets whose work ended in a epoch that was current; the broker is the
    committed offset. What is committed never passes a record that is not in the set.
    """

    def __init__(self):
        super().__init__()
        self.log = []
        self.done = set()
        self.broker = 0
        self.assignment = Assignment()
        self.position = None
        self.polled_in_epoch = False
        self.working = []

    @rule(gaps=st.lists(st.integers(1, 4), min_size=1, max_size=5))
    def publish(self, gaps):
        for gap in gaps:
            self.log.append((self.log[-1] if self.log else -1) + gap)

    @precondition(lambda self: self.position is None)
    @rule()
    def assign(self):
        self.assignment.assign([PARTITION])
        self.position = self.broker
        self.polled_in_epoch = False

    @precondition(lambda self: self.position is not None)
    @rule()
    def assign_again(self):
        """Without having been told that it was taken: the position is the committed offset's."""
        self.assignment.assign([PARTITION])
        self.position = self.broker
        self.polled_in_epoch = False

    @precondition(lambda self: self.position is not None)
    @rule(count=st.integers(1, 4))
    def poll(self, count):
        for offset in [o for o in self.log if o >= self.position][:count]:
            epoch = self.assignment.track(Coordinates(*PARTITION, offset), 10)
            assert isinstance(epoch, AssignmentEpoch)
            self.polled_in_epoch = True
            self.working.append((epoch, offset))
            self.position = offset + 1

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def finish(self, data):
        epoch, offset = data.draw(st.sampled_from(self.working))
        self.working.remove((epoch, offset))
        if self.assignment.finish(epoch, offset):
            self.done.add(offset)

    @rule()
    def commit(self):
        offsets = self.assignment.uncommitted()
        self.broker = offsets.get(PARTITION, self.broker)
        self.assignment.mark_committed(offsets)
        assert not self.assignment.uncommitted(), "what was committed is not committed again"

    @precondition(lambda self: self.position is not None)
    @rule()
    def revoke(self):
        self.commit()
        assert len(self.assignment.drop([PARTITION])) == 1
        self.position = None

    @precondition(lambda self: self.position is not None)
    @rule()
    def lose(self):
        self.assignment.drop([PARTITION])
        self.position = None

    @rule()
    def restart(self):
        self.assignment = Assignment()
        self.working.clear()
        self.position = None

    @precondition(lambda self: self.position and self.log)
    @rule(back=st.integers(1, 6))
    def reset(self, back):
        """The log was cut or the position reset: records come again in the same assignment."""
        to = max(0, self.position - back)
        again = next((o for o in self.log if o >= to), None)
        if again is None or again >= self.position:
            return
        polled_before = self.polled_in_epoch
        started = self.assignment.track(Coordinates(*PARTITION, again), 10)
        if isinstance(started, Rewind):
            assert not self.assignment.is_current(started.ended)
            self.position = started.to
            self.polled_in_epoch = False
        else:
            assert not polled_before
            self.working.append((started, again))
            self.position = again + 1
            self.polled_in_epoch = True

    @invariant()
    def nothing_unfinished_is_committed(self):
        assert all(offset in self.done for offset in self.log if offset < self.broker)

    @invariant()
    def load_is_what_is_unfinished(self):
        records, size = self.assignment.in_flight
        current = [(t, o) for t, o in self.working if self.assignment.is_current(t)]
        assert (records, size) == (len(current), 10 * len(current))


Consumption.TestCase.settings = hypothesis_settings(
    max_examples=150, stateful_step_count=40, deadline=None
)
TestConsumption = Consumption.TestCase


@pytest.mark.parametrize(
    ("finished", "committable", "replay"),
    [((), 3, 4), ((3,), 5, 3), ((5,), 3, 4), ((5, 3), 9, 2), ((10, 9, 5, 3), 11, 0)],
)
def test_the_watermark_is_the_lowest_unfinished_offset(finished, committable, replay):
    tracker = OffsetTracker()
    for offset in (3, 5, 9, 10):
        tracker.start(offset)
    for offset in finished:
        tracker.finish(offset)
    assert tracker.committable == committable
    assert tracker.replay == replay
    assert tracker.unfinished == 4 - len(finished)


def test_unknown_and_repeated_completions_change_nothing():
    tracker = OffsetTracker()
    tracker.finish(7)
    assert tracker.committable is None
    tracker.start(7)
    for offset in (6, 7, 7, 8):
        tracker.finish(offset)
    assert tracker.committable == 8
    with pytest.raises(ValueError):
        tracker.start(7)


def test_work_of_an_older_epoch_counts_no_more():
    assignment = Assignment()
    assignment.assign([PARTITION])
    old = assignment.track(Coordinates(*PARTITION, 0), 1)
    assignment.assign([PARTITION])
    assignment.track(Coordinates(*PARTITION, 0), 1)
    assert not assignment.finish(old, 0)
    assert assignment.uncommitted() == {PARTITION: 0}
    assert assignment.over_replay_limit(1) == {PARTITION}
    assert assignment.over_replay_limit(2) == frozenset()


def test_records_of_partitions_that_are_not_ours_are_not_taken_up():
    assert Assignment().track(Coordinates("topic", 1, 0), 1) is None
