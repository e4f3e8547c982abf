"""Rows that version 0.1.0 wrote (`tests/data/written-by-0.1.0`) are landed like those of today."""

import json
from pathlib import Path

import pytest

from oncofhir.warehouse.landing.topic_record import StagedRecord
from tests.unit.warehouse.landing.test_landings import OUTCOMES, PHENOTYPES, OnDelta, OnDuckDb

WRITTEN_BY_0_1_0 = Path(__file__).parents[3] / "data" / "written-by-0.1.0"


@pytest.fixture(params=[OnDuckDb, OnDelta])
def warehouse(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.landing.close()


def land(warehouse, table, rows, key):
    records = [StagedRecord(0, n, row[key], json.dumps(row)) for n, row in enumerate(rows)]
    return warehouse.landing.merge(table, records, {0: len(records)})


@pytest.mark.parametrize(("table", "key"), [(PHENOTYPES, "finding"), (OUTCOMES, "document")])
def test_rows_of_0_1_0_are_landed(warehouse, table, key):
    rows = json.loads((WRITTEN_BY_0_1_0 / f"{table.name.rstrip('s')}-rows.json").read_text())
    counts = land(warehouse, table, rows, key)
    assert counts.rejected == 0
    highest = {}
    for row in rows:
        highest[row[key]] = max(highest.get(row[key], 0), row["revision"])
    landed = {row[key]: row["revision"] for row in warehouse.rows(table.name)}
    assert landed == highest


def test_columns_that_0_1_0_did_not_have_get_their_defaults(warehouse):
    rows = json.loads((WRITTEN_BY_0_1_0 / "phenotype-rows.json").read_text())
    land(warehouse, PHENOTYPES, rows[:1], "finding")
    [row] = warehouse.rows()
    assert row["operation"] == "upsert"
    assert row["review_status"] == "unreviewed"
    assert row["lesion"] is None


@pytest.mark.parametrize(
    ("old", "new"), [("stale", "older-version-ignored"), ("alias", "duplicate-resource")]
)
def test_statuses_have_their_names_of_today(warehouse, old, new):
    row = json.loads((WRITTEN_BY_0_1_0 / "outcome-rows.json").read_text())[0] | {"status": old}
    land(warehouse, OUTCOMES, [row], "document")
    assert [each["status"] for each in warehouse.rows("outcomes")] == [new]
