"""What 0.1.0 wrote is still read."""

import json

import pytest

from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus

ROW = {
    "document": "d",
    "revision": 1,
    "source": "DiagnosticReport/1",
    "software": "0.1.0",
    "recorded": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("stale", OutcomeStatus.OLDER_VERSION_IGNORED),
        ("alias", OutcomeStatus.DUPLICATE_RESOURCE),
        ("older-version-ignored", OutcomeStatus.OLDER_VERSION_IGNORED),
        ("found", OutcomeStatus.FOUND),
    ],
)
def test_a_status_of_an_earlier_version_is_read_and_written_with_its_new_name(written, read):
    row = OutcomeRow.model_validate_json(json.dumps(ROW | {"status": written}))
    assert row.status is read
    assert json.loads(row.model_dump_json())["status"] == read.value


@pytest.mark.parametrize("unknown", ["", "Stale", "gone"])
def test_a_status_that_no_version_writes_is_refused(unknown):
    with pytest.raises(ValueError, match="status"):
        OutcomeRow.model_validate_json(json.dumps(ROW | {"status": unknown}))
