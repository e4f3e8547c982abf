"""A model server that goes under load and comes back is asked again within seconds, and no report is lost."""

import pytest

from benchmarks.model_return import GOAL, UNDER_LOAD, Scripted, service


@pytest.mark.scenario
@pytest.mark.timeout(400)
def test_the_worker_resumes_when_the_model_server_is_back():
    """The goal is 5 s (`python -m benchmarks.model_return`); a busy machine may take longer, not half a minute."""
    with service(Scripted(), "cancerllm") as running:
        running.start_worker()
        running.publish(40)
        running.wait_for(UNDER_LOAD)
        assert running.outage(down=10) < 3 * GOAL
        running.wait_for(running.published)
    assert len(running.outcomes) == running.published
    assert running.dead_letters == 0
