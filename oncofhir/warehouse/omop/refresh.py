"""Fills the OMOP tables of a DuckDB file from its landed tables."""

from pathlib import Path

import duckdb

from oncofhir.schemas.base import Value
from oncofhir.warehouse.landing.landing import LandingError
from oncofhir.warehouse.sql import omop_statements

TABLES = ("note", "note_nlp", "condition_occurrence", "measurement")
_VOCABULARY = {
    "CONCEPT.csv": (
        "vocabulary_concept",
        "CAST(concept_id AS BIGINT), vocabulary_id, concept_code, standard_concept, domain_id",
        "vocabulary_id IN (SELECT vocabulary_id FROM omop.code_system) AND invalid_reason IS NULL",
    ),
    "CONCEPT_RELATIONSHIP.csv": (
        "vocabulary_maps_to",
        "CAST(concept_id_1 AS BIGINT), CAST(concept_id_2 AS BIGINT)",
        (
            "relationship_id = 'Maps to' AND invalid_reason IS NULL "
            "AND CAST(concept_id_1 AS BIGINT) IN (SELECT concept_id FROM omop.vocabulary_concept)"
        ),
    ),
}


class OmopCounts(Value):
    """Rows of each OMOP table, and how many distinct codes have no standard concept."""

    rows: dict[str, int]
    unmapped_codes: int


def refresh(
    connection: duckdb.DuckDBPyConnection,
    *,
    vocabulary: Path | None = None,
    persons: Path | None = None,
) -> OmopCounts:
    """Replace the OMOP tables by what the landed tables say now, in one transaction. Idempotent.

    Args:
        connection: a DuckDB file with the landed tables and views.
        vocabulary: a folder of Athena's files CONCEPT.csv and CONCEPT_RELATIONSHIP.csv (tab-separated).
            Without it the vocabulary loaded last is used; codes without a standard concept get 0.
        persons: a CSV file with the columns person_source_value ("Patient/1") and person_id.

    Raises:
        LandingError: a file lacks what it must have; the tables are as they were.
    """
    schema, *steps = omop_statements()
    connection.execute("BEGIN")
    try:
        connection.execute(schema)
        if vocabulary is not None:
            _load_vocabulary(connection, vocabulary)
        if persons is not None:
            _load_persons(connection, persons)
        for step in steps:
            connection.execute(step)
        connection.execute("COMMIT")
    except BaseException as error:
        connection.execute("ROLLBACK")
        if isinstance(error, duckdb.Error):
            raise LandingError(_explanation(error, vocabulary, persons)) from error
        raise
    rows = {table: _count(connection, table) for table in TABLES}
    return OmopCounts(rows=rows, unmapped_codes=_count(connection, "unmapped"))


def _load_vocabulary(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for name, (table, columns, condition) in _VOCABULARY.items():
        connection.execute(f"DELETE FROM omop.{table}")  # noqa: S608 - names of this module
        connection.execute(
            f"INSERT INTO omop.{table} SELECT {columns} FROM read_csv(?, delim = '\t', quote = '', "  # noqa: S608
            f"escape = '', header = true, all_varchar = true, nullstr = '') WHERE {condition}",
            [str(folder / name)],
        )


def _load_persons(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO omop.person_map SELECT person_source_value, CAST(person_id AS INTEGER) "
        "FROM read_csv(?, header = true, all_varchar = true)",
        [str(file)],
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM omop.{table}").fetchall()[0][0])  # noqa: S608


def _explanation(error: duckdb.Error, vocabulary: Path | None, persons: Path | None) -> str:
    """Say which file to look at; a message of DuckDB may quote a line of it and is left out."""
    given = [str(path) for path in (vocabulary, persons) if path is not None]
    files = f" Check {' and '.join(given)}: columns, tab or comma, encoding." if given else ""
    return (
        f"the OMOP tables were not filled ({type(error).__name__}); they are as they were.{files}"
    )
