"""The two lanes on Apache Kafka: the same tests as on the embedded broker."""

from tests.integration.consumers.test_lanes import (
    pytestmark,  # noqa: F401
    test_a_document_in_both_lanes_is_worked_on_by_one_job_at_a_time,  # noqa: F401
    test_a_worker_that_joins_while_history_rests_finds_it_at_rest_and_all_is_done,  # noqa: F401
    test_history_alone_is_read_and_goes_on_after_a_restart,  # noqa: F401
    test_live_records_that_come_later_end_before_most_of_history,  # noqa: F401
)
