"""What a landing holds after a merge, for DuckDB and Delta Lake alike."""

import itertools
import json

import duckdb
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from oncofhir.schemas.outcome import OutcomeRow, PhenotypeRow
from oncofhir.warehouse.landing.delta_landing import DeltaLanding
from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding
from oncofhir.warehouse.landing.landing import LandedTable, LandingError, MergeCounts
from tests.unit.warehouse.landing.rows import TOPIC, record, row

PHENOTYPES = LandedTable(name="phenotypes", topic=TOPIC, model=PhenotypeRow)
OUTCOMES = LandedTable(name="outcomes", topic="oncology.outcomes", model=OutcomeRow)


class OnDuckDb:
    def __init__(self, folder):
        self.path = folder / "w.duckdb"
        self.landing = self.open()

    def open(self):
        return DuckDbLanding.open(self.path, (PHENOTYPES, OUTCOMES))

    def rows(self, table="phenotypes"):
        found = self.landing.connection.execute(f'SELECT * FROM "{table}" ORDER BY 1')
        names = [d[0] for d in found.description]
        return [dict(zip(names, r, strict=True)) for r in found.fetchall()]


class OnDelta:
    def __init__(self, folder):
        self.folder = folder / "delta"
        self.landing = self.open()

    def open(self):
        return DeltaLanding(str(self.folder), (PHENOTYPES, OUTCOMES))

    def rows(self, table="phenotypes"):
        arrow = DeltaTable(str(self.folder / table)).to_pyarrow_table()
        return sorted(arrow.to_pylist(), key=lambda r: str(next(iter(r.values()))))


@pytest.fixture(params=[OnDuckDb, OnDelta])
def warehouse(request, tmp_path):
    made = request.param(tmp_path)
    yield made
    made.landing.close()


def merge(warehouse, *records, next_offset=None):
    end = next_offset if next_offset is not None else max(r.offset for r in records) + 1
    return warehouse.landing.merge(PHENOTYPES, records, {0: end})


def values(warehouse):
    return {r["finding"]: (r["revision"], r["value"]) for r in warehouse.rows()}


@pytest.mark.parametrize("key", [None, ""])
def test_rows_without_a_key_are_rejected_and_do_not_replace_each_other(warehouse, key):
    records = [record(n, key=key, value=row(f"f{n}").model_dump_json()) for n in range(3)]
    assert merge(warehouse, record(3, row("f3")), *records) == MergeCounts(
        records=4, merged=1, rejected=3
    )
    assert values(warehouse) == {"f3": (1, "left")}
    assert {r["reason"] for r in warehouse.rows("rejected_records")} == {"no key"}


def test_a_row_lands_with_all_its_columns(warehouse):
    landed = row(value="right", number=1.5, confidence=0.9)
    assert merge(warehouse, record(0, landed)) == MergeCounts(records=1, merged=1)
    (found,) = warehouse.rows()
    assert found["record_key"] == "f1"
    assert found["value"] == "right"
    assert found["number"] == 1.5
    assert found["codings"] == [
        {"system": "http://snomed.info/sct", "code": "7771000", "display": "Left"}
    ]
    assert found["asserted"] == landed.asserted
    assert found["slot"] is None
    assert set(found) == {"record_key", *PhenotypeRow.model_fields}


def test_the_highest_revision_wins_in_whatever_order_and_batch(warehouse):
    merge(warehouse, record(0, row(revision=2, value="b")), record(1, row(revision=1, value="a")))
    merge(warehouse, record(2, row(revision=1, value="late")))
    assert values(warehouse) == {"f1": (2, "b")}
    merge(warehouse, record(3, row(revision=3, value="c")))
    assert values(warehouse) == {"f1": (3, "c")}


def test_a_retraction_that_comes_before_its_finding_stays(warehouse):
    merge(warehouse, record(0, row(revision=5, status="withdrawn")))
    merge(warehouse, record(1, row(revision=4)))
    (found,) = warehouse.rows()
    assert (found["revision"], found["status"]) == (5, "withdrawn")


def test_the_same_batch_again_changes_nothing(warehouse):
    batch = [record(0, row()), record(1, row(finding="f2", revision=7))]
    merge(warehouse, *batch)
    before = warehouse.rows()
    merge(warehouse, *batch)
    assert warehouse.rows() == before


def test_a_tombstone_erases_and_what_follows_it_counts_whatever_its_revision(warehouse):
    merge(warehouse, record(0, row(revision=9)), record(1, row(finding="f2")))
    counts = merge(
        warehouse,
        record(2, key="f1"),
        record(3, key="f2"),
        record(4, row(finding="f2", revision=1, value="anew")),
    )
    assert counts.merged == 1
    assert values(warehouse) == {"f2": (1, "anew")}


def test_offsets_are_kept_and_go_on_after_a_restart(warehouse):
    assert dict(warehouse.landing.next_offsets(PHENOTYPES)) == {}
    warehouse.landing.merge(PHENOTYPES, [record(0, row())], {0: 1})
    warehouse.landing.merge(PHENOTYPES, [record(7, row(), partition=3)], {3: 8})
    warehouse.landing.close()
    warehouse.landing = warehouse.open()
    assert dict(warehouse.landing.next_offsets(PHENOTYPES)) == {0: 1, 3: 8}
    assert dict(warehouse.landing.next_offsets(OUTCOMES)) == {}


def test_fields_and_values_of_a_newer_minor_version_are_no_obstacle(warehouse):
    fields = json.loads(row().model_dump_json())
    fields |= {"a_new_column": {"deep": [1]}, "status": "a-new-status"}
    counts = merge(warehouse, record(0, key="f1", value=json.dumps(fields)))
    assert counts == MergeCounts(records=1, merged=1)
    assert warehouse.rows()[0]["status"] == "a-new-status"


def test_a_row_without_optional_columns_lands_with_their_defaults(warehouse):
    fields = json.loads(row().model_dump_json(exclude_defaults=True))
    merge(warehouse, record(0, key="f1", value=json.dumps(fields)))
    (found,) = warehouse.rows()
    assert (found["reviewed"], found["machine_asserted"], found["evidence"]) == (False, True, [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "not a JSON object"),
        ("{", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("{}", "no valid finding"),
        ({"revision": "many"}, "no valid revision"),
        ({"asserted": "yesterday"}, "no valid asserted"),
        ({"number": "wide"}, "no valid number"),
        ({"codings": 5}, "no valid codings"),
        ({"subject": None}, "no valid subject"),
    ],
)
def test_what_is_no_row_is_listed_by_position_and_the_rest_lands(warehouse, value, reason):
    if isinstance(value, dict):
        value = json.dumps(json.loads(row(finding="bad").model_dump_json()) | value)
    counts = merge(warehouse, record(0, row()), record(1, key="bad", value=value))
    assert counts == MergeCounts(records=2, merged=1, rejected=1)
    assert values(warehouse).keys() == {"f1"}
    (listed,) = warehouse.rows("rejected_records")
    assert (listed["topic"], listed["partition"], listed["offset"]) == (TOPIC, 0, 1)
    assert listed["reason"] == reason


def test_two_programs_cannot_write_one_duckdb_file(tmp_path):
    path = tmp_path / "w.duckdb"
    path.write_bytes(b"no database at all" * 1000)
    with pytest.raises(LandingError, match=r"not a DuckDB file|cannot be opened"):
        DuckDbLanding.open(path, (PHENOTYPES,))


def test_a_write_that_fails_leaves_the_table_and_the_offsets_as_they_were(tmp_path):
    made = OnDuckDb(tmp_path)
    merge(made, record(0, row()))
    made.landing.connection.execute(
        "DROP TABLE landing_offsets"
    )  # the last statement of a merge fails
    with pytest.raises(LandingError, match="nothing of this batch"):
        merge(made, record(1, row(finding="f2")))
    assert values(made) == {"f1": (1, "left")}
    made.landing.close()


def test_columns_that_a_newer_version_adds_are_added_to_an_older_file(tmp_path):
    made = OnDuckDb(tmp_path)
    made.landing.close()
    older = duckdb.connect(str(made.path))
    for view in ("tumors", "findings"):
        older.execute(f"DROP VIEW {view}")
    older.execute("ALTER TABLE phenotypes DROP COLUMN part")
    older.close()
    made.landing = made.open()
    merge(made, record(0, row(part="A")))
    assert made.rows()[0]["part"] == "A"
    made.landing.close()


KEYS = ["a", "b", "c"]
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(KEYS), st.integers(0, 4)),
        st.tuples(st.sampled_from(KEYS), st.none()),
    ),
    max_size=30,
)


@settings(max_examples=30, deadline=None)
@given(operations=OPERATIONS, cuts=st.lists(st.integers(0, 30), max_size=4))
def test_any_batches_come_to_what_the_topic_says(operations, cuts):
    """Model: per key, a tombstone clears; then the highest revision, of equal ones the last."""
    wanted: dict[str, tuple[int, str]] = {}
    records = []
    for offset, (key, revision) in enumerate(operations):
        if revision is None:
            wanted.pop(key, None)
            records.append(record(offset, key=key))
        else:
            if key not in wanted or revision >= wanted[key][0]:
                wanted[key] = (revision, str(offset))
            records.append(record(offset, row(finding=key, revision=revision, value=str(offset))))
    landing = DuckDbLanding(duckdb.connect(), (PHENOTYPES, OUTCOMES))
    edges = sorted({0, *(c for c in cuts if c < len(records)), len(records)})
    for begin, end in itertools.pairwise(edges):
        landing.merge(PHENOTYPES, records[begin:end], {0: end})
    found = landing.connection.execute("SELECT finding, revision, value FROM phenotypes").fetchall()
    assert {f: (r, v) for f, r, v in found} == wanted
    landing.close()
