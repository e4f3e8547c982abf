"""What a worker knows after a restart of how the last reports ended."""

import pytest

from oncofhir.consumers.dead_letters.recent_outcomes import RecentOutcomes, summarize

DEAD = {"status": "dead-lettered", "reason": "not-json"}
FOUND = {"status": "found"}
ASIDE = {"status": "dead-lettered", "reason": "set-aside", "source": "topic/3/42"}


@pytest.mark.parametrize(
    ("rows", "count", "set_aside"),
    [
        ([], 0, set()),
        ([FOUND, DEAD, DEAD], 2, set()),
        ([DEAD, DEAD, FOUND], 0, set()),
        ([DEAD] * 9, 5, set()),
        ([DEAD, ASIDE, DEAD], 2, {"topic/3/42"}),
        ([ASIDE, FOUND, DEAD, {}], 0, {"topic/3/42"}),
    ],
)
def test_dead_letters_in_a_row_and_records_set_aside(rows, count, set_aside):
    assert summarize(rows, 5) == RecentOutcomes(count, frozenset(set_aside))
