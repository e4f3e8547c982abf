"""The limit on dead letters: in a row, as a share, and after a restart."""

import pytest

from oncofhir.consumers.dead_letters.cap import DeadLetterCap


def test_the_cap_counts_in_a_row():
    cap = DeadLetterCap(in_a_row=3, share=1, window=10)
    assert [cap.record(dead=d) for d in (True, True, False, True, True, True)] == [False] * 5 + [
        True
    ]


def test_the_cap_takes_a_share_of_a_full_window():
    cap = DeadLetterCap(in_a_row=100, share=0.5, window=4)
    counted = [
        cap.record(dead=d) for d in (True, True, True, False, False, False, True, True, True)
    ]
    assert counted == [False, False, False, True, False, False, False, False, True]


@pytest.mark.parametrize(
    ("cap", "before", "allowed"),
    [(200, 200, 9), (200, 0, 199), (200, 500, 9), (20, 20, 1), (20, 10, 9), (2, 2, 1), (1, 1, 0)],
)
def test_after_a_restart_a_few_more_are_let_through(cap, before, allowed):
    counted = DeadLetterCap(in_a_row=cap, share=1)
    counted.restore(before)
    for _ in range(allowed):
        assert not counted.record(dead=True)
    assert counted.record(dead=True)
