"""What the worker and its commands promise of Kafka, on Apache Kafka: the tests of the embedded broker again."""

from tests.integration.consumers.test_dead_letters_command import (
    test_a_letter_is_not_gone_because_the_broker_is_slow,  # noqa: F401
    test_a_replay_that_was_cut_off_is_taken_up_where_it_was,  # noqa: F401
    test_letters_are_listed_shown_and_replayed_once_in_order,  # noqa: F401
)
from tests.integration.consumers.test_publisher import (
    test_a_message_that_is_too_large_is_rejected_and_others_go_on,  # noqa: F401
    test_a_producer_that_failed_takes_no_other_with_it,  # noqa: F401
    test_a_record_with_neither_key_nor_value_is_a_dead_letter_and_replayed_as_it_was,  # noqa: F401
)
from tests.integration.consumers.test_worker import (
    pytestmark,  # noqa: F401
    test_a_long_backlog_is_held_in_bounds,  # noqa: F401
    test_all_are_processed_in_order_published_and_committed,  # noqa: F401
    test_dead_letters_are_the_records_byte_for_byte,  # noqa: F401
    test_finished_offsets_are_committed_when_it_halts_while_others_are_at_work,  # noqa: F401
    test_one_bad_report_of_a_record_leaves_the_others_in_place,  # noqa: F401
    test_reports_of_one_record_and_one_document_keep_their_order,  # noqa: F401
    test_the_largest_record_still_fits_among_the_dead_letters,  # noqa: F401
)
