"""The two lanes on Apache Kafka: the same tests as on the embedded broker, and one more."""

from oncofhir.consumers.source.priority import Priority
from tests.integration.consumers.test_backfill import (
    messages,
    pytestmark,  # noqa: F401
    test_a_document_in_both_lanes_is_worked_on_by_one_job_at_a_time,  # noqa: F401
    test_a_worker_that_joins_while_history_rests_finds_it_at_rest_and_all_is_done,  # noqa: F401
    test_history_alone_is_read_and_goes_on_after_a_restart,  # noqa: F401
    test_live_records_that_come_later_end_before_most_of_history,  # noqa: F401
    two_lanes,
)
from tests.integration.consumers.worker_harness import InstantProcessor, publish, running
from tests.waiting import until


async def test_the_lag_of_history_that_rests_is_known(broker):
    settings = two_lanes(broker, max_in_flight_records=1, backfill_pause_above=0)
    kafka = settings.kafka
    await publish(settings, messages(settings, "old", 60, kafka.backfill_topics))
    await publish(settings, messages(settings, "new", 40, kafka.live_topics))
    processor = InstantProcessor(delay=0.5)

    def behind(topics):
        return sum(lag for (topic, _), lag in worker._poll_thread.lag().items() if topic in topics)

    async with running(settings, processor) as worker:
        await until(lambda: behind(kafka.live_topics) > 0)
        await until(lambda: behind(kafka.backfill_topics) == 60)
        assert Priority.BACKFILL in worker._poll_thread.paused_priorities
        processor.delay = 0.0
        await until(lambda: len(processor.events) == 100)
        await until(lambda: behind((*kafka.live_topics, *kafka.backfill_topics)) == 0)
