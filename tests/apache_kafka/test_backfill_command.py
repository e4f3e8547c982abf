"""`oncofhir backfill` on Apache Kafka, killed five times, while live reports are processed within seconds."""

import pytest

from oncofhir.consumers.kafka.topics import ensure_topics
from tests.integration.consumers.worker_harness import read_all, settings_for
from tests.integration.ingest.backfill_beside_live import backfill_beside_live
from tests.integration.ingest.backfill_kills import (
    ended,
    record_counter,
    repetitions,
    start,
    write_files,
)

_PAGE = 100


@pytest.fixture
def with_history(broker):
    made = settings_for(broker.address, history=True)
    ensure_topics(made.kafka, partitions=2)
    return made


@pytest.mark.anyio
@pytest.mark.timeout(300)
async def test_five_kills_repeat_five_pages_at_most_and_live_reports_go_first(
    with_history, tmp_path
):
    found = await backfill_beside_live(
        with_history, tmp_path, count=2_000, kills=5, page_size=_PAGE, rate="1000/s"
    )
    assert found.kills == 5
    assert 0 <= found.repeated <= found.kills * _PAGE
    assert (found.summary["read"], found.summary["published"]) == (2_000, 2_000)
    assert len(found.live_seconds) > 50
    assert max(found.live_seconds) < 5.0


def test_a_broker_that_restarts_is_waited_for(broker, with_history, tmp_path):
    lines = write_files(tmp_path, 300)
    with record_counter(with_history) as published:
        process = start(["files", tmp_path, "--rate", "40/s"], with_history, tmp_path)
        while published() < 40:
            assert process.poll() is None, (tmp_path / "err").read_text()
    broker.restart()
    done = ended(process, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.summary["published"] == 300
    records = [r for t in with_history.kafka.backfill_topics for r in read_all(with_history, t)]
    assert repetitions(records, lines) == 0
