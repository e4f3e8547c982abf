"""Workers share a model server fairly, in virtual time; figures: `python -m benchmarks.model_sharing`."""

from benchmarks.model_sharing import GOAL, shares


def test_a_worker_that_comes_later_gets_its_share_of_one_tgi():
    found = shares("tgi", "late", seconds=20, settle=60)
    assert found["ratio"] >= GOAL
    assert found["refused"] == 0
