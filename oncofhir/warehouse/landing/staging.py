"""Turns staged records into typed rows inside DuckDB: parsing, rejection, the winning row of each key."""

import json
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from oncofhir.schemas.base import Value
from oncofhir.warehouse.landing.columns import Column
from oncofhir.warehouse.landing.topic_record import StagedRecord

KEY = "record_key"
WINNERS, ERASED, REJECTED = "staged_winners", "staged_erased", "staged_rejected"
_UNREADABLE = "not a JSON object"


class StagedCounts(Value):
    """What a batch holds: distinct keys with a row, keys with a tombstone, records that are not rows."""

    winners: int
    erased: int
    rejected: int


def stage(
    connection: duckdb.DuckDBPyConnection,
    records: Sequence[StagedRecord],
    columns: Sequence[Column],
) -> StagedCounts:
    """Fill the temporary tables WINNERS, ERASED and REJECTED from a batch.

    WINNERS holds the row of the highest revision of each key (of equal revisions the later record),
    ERASED the keys with a tombstone, REJECTED (partition, offset, reason) the records that are not rows. A
    reason names a column and holds no content.
    """
    connection.register("staged", _arrow(records))
    try:
        connection.execute(_TYPED.format(structure=_quoted(_structure(columns))))
        connection.execute(_rejected_sql(columns))
        connection.execute(_ERASED_SQL)
        connection.execute(_winners_sql(columns))
        counts = connection.execute(
            f"SELECT (SELECT count(*) FROM {WINNERS}), (SELECT count(*) FROM {ERASED}), "  # noqa: S608
            f"(SELECT count(*) FROM {REJECTED})"
        ).fetchall()
    finally:
        connection.unregister("staged")
    winners, erased, rejected = counts[0]
    return StagedCounts(winners=winners, erased=erased, rejected=rejected)


_TYPED = """
CREATE OR REPLACE TEMP TABLE staged_typed AS
SELECT partition, "offset", record_key, value,
       CASE WHEN json_valid(value) AND json_type(value) = 'OBJECT'
            THEN json_transform(value, {structure}) END AS typed
FROM staged
"""
_ERASED_SQL = f"""
CREATE OR REPLACE TEMP TABLE {ERASED} AS
SELECT record_key, max("offset") AS "offset" FROM staged_typed WHERE value IS NULL GROUP BY record_key
"""  # noqa: S608 - names of this module


def _rejected_sql(columns: Sequence[Column]) -> str:
    """Find the records that are not rows: not a JSON object, no key, a required column missing, a wrong type.

    Rows without a key would replace each other.
    """
    reasons = [
        f"WHEN typed IS NULL THEN {_quoted(_UNREADABLE)}",
        "WHEN coalesce(record_key, '') = '' THEN 'no key'",
    ]
    reasons += [
        f"WHEN typed.{_name(c)} IS NULL THEN {_quoted(f'no valid {c.name}')}"
        for c in columns
        if c.is_required
    ]
    reasons += [
        f"WHEN typed.{_name(c)} IS NULL AND json_extract_string(value, {_quoted(f'$.{c.name}')}) "
        f"IS NOT NULL THEN {_quoted(f'no valid {c.name}')}"
        for c in columns
        if not c.is_required and c.sql_type != "VARCHAR"
    ]
    return (
        f"CREATE OR REPLACE TEMP TABLE {REJECTED} AS SELECT * FROM ("  # noqa: S608
        f'SELECT partition, "offset", CASE {" ".join(reasons)} END AS reason '
        "FROM staged_typed WHERE value IS NOT NULL) WHERE reason IS NOT NULL"
    )


def _winners_sql(columns: Sequence[Column]) -> str:
    selected = ", ".join(f"{_value(c)} AS {_name(c)}" for c in columns)
    return f"""
        CREATE OR REPLACE TEMP TABLE {WINNERS} AS
        SELECT t.record_key, {selected}
        FROM staged_typed t LEFT JOIN {ERASED} e ON e.record_key = t.record_key
        WHERE t.value IS NOT NULL AND (e."offset" IS NULL OR t."offset" > e."offset")
          AND NOT EXISTS (SELECT 1 FROM {REJECTED} r
                          WHERE r.partition = t.partition AND r."offset" = t."offset")
        QUALIFY row_number() OVER (
            PARTITION BY t.record_key ORDER BY t.typed.revision DESC, t."offset" DESC) = 1
    """  # noqa: S608 - names of this module and of the model's fields


def _value(column: Column) -> str:
    value = f"t.typed.{_name(column)}"
    if column.renamed:
        cases = " ".join(
            f"WHEN {_quoted(old)} THEN {_quoted(new)}" for old, new in column.renamed.items()
        )
        value = f"CASE {value} {cases} ELSE {value} END"
    if column.default is None:
        return value
    typed = f"json_transform({_quoted(column.default)}, {_quoted(json.dumps(column.structure))})"
    return f"coalesce({value}, {typed})"


def _name(column: Column) -> str:
    return f'"{column.name}"'


def _structure(columns: Sequence[Column]) -> str:
    return json.dumps({column.name: column.structure for column in columns})


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _arrow(records: Sequence[StagedRecord]) -> pa.Table:
    return pa.table(
        {
            "partition": pa.array([r.partition for r in records], pa.int32()),
            "offset": pa.array([r.offset for r in records], pa.int64()),
            "record_key": pa.array([r.key for r in records], pa.string()),
            "value": pa.array([r.value for r in records], pa.string()),
        }
    )
