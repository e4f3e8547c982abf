"""Keys of rows: what compaction leaves of a topic is what counts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.consumers.kafka.records import AssignmentEpoch, Coordinates, SourceRecord
from oncofhir.consumers.publishing.row_messages import outcome_message
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus
from oncofhir.settings import KafkaSettings

KAFKA = KafkaSettings()
NOW = datetime(2026, 11, 25, tzinfo=UTC)
CHANGES_NOTHING = (OutcomeStatus.OLDER_VERSION_IGNORED, OutcomeStatus.DUPLICATE_RESOURCE)


def row(status, version, revision):
    return OutcomeRow(
        document="d",
        revision=revision,
        status=status,
        source="DiagnosticReport/1",
        source_version=version,
        software="0",
        recorded=NOW,
    )


def record(offset):
    at = Coordinates("reports", 0, offset)
    return SourceRecord(at, AssignmentEpoch("reports", 0, 1), 0, 0.0, None, b"{}", ())


def compacted(rows):
    """The last row of each key, as the broker's cleaner leaves them."""
    last = {}
    for offset, published in enumerate(rows):
        message = outcome_message(published, record(offset), KAFKA)
        last[message.key] = OutcomeRow.model_validate_json(message.value)
    return list(last.values())


@pytest.mark.parametrize("status", CHANGES_NOTHING)
@pytest.mark.parametrize("version", ["1", None])
def test_a_row_that_changes_nothing_does_not_take_the_place_of_the_one_in_force(status, version):
    found = row(OutcomeStatus.FOUND, version and "2", 2)
    left = compacted([row(OutcomeStatus.FOUND, version, 1), found, row(status, version, 0)])
    assert found in left
    assert row(status, version, 0) in left


@given(st.lists(st.sampled_from([OutcomeStatus.FOUND, OutcomeStatus.RETRACTED, *CHANGES_NOTHING])))
def test_what_compaction_leaves_says_what_the_highest_revision_says(statuses):
    rows, revision = [], 0
    for version, status in enumerate(statuses):
        revision += status not in CHANGES_NOTHING
        said = 0 if status in CHANGES_NOTHING else revision
        rows.append(row(status, str(version), said))
    left = compacted(rows)
    assert max((r.revision for r in left), default=0) == revision
