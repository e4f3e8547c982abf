"""Erases one patient from a DuckDB file: the landed tables, the OMOP tables, and the file's free blocks."""

from collections.abc import Collection
from pathlib import Path

import duckdb

from oncofhir.warehouse.landing.landing import LandingError
from oncofhir.warehouse.omop.refresh import refresh

_HAS_OMOP = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'omop'"
_PHENOTYPES = "FROM phenotypes WHERE subject = ?"
_OUTCOMES = (
    "FROM outcomes WHERE document IN (SELECT document FROM erased_documents) "
    "OR source IN (SELECT report FROM erased_reports)"
)


def erase_from_duckdb(
    file: Path,
    patient: str,
    documents: Collection[str],
    reports: Collection[str],
    *,
    dry_run: bool,
) -> dict[str, int]:
    """Delete the patient's rows and return their number by table. Idempotent; `dry_run` writes nothing.

    OMOP tables are filled again without the patient. A deleted row stays readable in the file's free blocks,
    so the file is written again and replaced at the end.

    Raises:
        LandingError: the file is missing, open elsewhere, or has no landed tables.
    """
    if not file.is_file():
        raise LandingError(f"{file} does not exist")
    copy = _copy_of(file)
    was_interrupted = copy.exists()
    try:
        with duckdb.connect(str(file), read_only=dry_run) as connection:
            counts = _count_rows(connection, patient, documents, reports)
            is_needed = not dry_run and (any(counts.values()) or was_interrupted)
            if is_needed:
                copy.touch()
                _erase(connection, patient)
                _rewrite(connection, copy)
    except duckdb.IOException as error:
        raise LandingError(
            f"{file} cannot be opened for writing. Close other programs that have it open, 'oncofhir sink' "
            "among them, and run the command again"
        ) from error
    except duckdb.Error as error:
        raise LandingError(
            f"{file}: the rows could not be erased ({type(error).__name__}). Is it a file that "
            "'oncofhir sink' wrote, and is there free space for a copy of it?"
        ) from error
    if is_needed:
        copy.replace(file)
    return counts


def _count_rows(
    connection: duckdb.DuckDBPyConnection,
    patient: str,
    documents: Collection[str],
    reports: Collection[str],
) -> dict[str, int]:
    connection.execute(
        "CREATE TEMP TABLE erased_documents AS SELECT unnest(?::VARCHAR[]) AS document",
        [[*documents]],
    )
    connection.execute(
        "CREATE TEMP TABLE erased_reports AS SELECT unnest(?::VARCHAR[]) AS report", [[*reports]]
    )
    connection.execute(f"INSERT INTO erased_documents SELECT document {_PHENOTYPES}", [patient])
    connection.execute(f"INSERT INTO erased_reports SELECT source {_PHENOTYPES}", [patient])
    counts = {
        "phenotypes": _count(connection, f"SELECT count(*) {_PHENOTYPES}", patient),
        "outcomes": _count(connection, f"SELECT count(*) {_OUTCOMES}"),
    }
    if _has_omop(connection):
        counts["omop.person_map"] = _count(
            connection,
            "SELECT count(*) FROM omop.person_map WHERE person_source_value = ?",
            patient,
        )
    return counts


def _erase(connection: duckdb.DuckDBPyConnection, patient: str) -> None:
    has_omop = _has_omop(connection)
    connection.execute("BEGIN")
    if has_omop:
        keys = f"SELECT document FROM erased_documents UNION SELECT finding {_PHENOTYPES}"  # noqa: S608
        connection.execute(f"DELETE FROM omop.row_id WHERE key IN ({keys})", [patient])  # noqa: S608
        connection.execute("DELETE FROM omop.person_map WHERE person_source_value = ?", [patient])
    connection.execute(f"DELETE {_PHENOTYPES}", [patient])
    connection.execute(f"DELETE {_OUTCOMES}")
    connection.execute("COMMIT")
    if has_omop:
        refresh(connection)


def _has_omop(connection: duckdb.DuckDBPyConnection) -> bool:
    return _count(connection, _HAS_OMOP) > 0


def _rewrite(connection: duckdb.DuckDBPyConnection, copy: Path) -> None:
    """Write the database to a new file in the same folder, which then replaces it."""
    copy.unlink()
    name = connection.execute("SELECT current_database()").fetchall()[0][0]
    connection.execute(f"ATTACH '{str(copy).replace(chr(39), chr(39) * 2)}' AS rewritten")
    connection.execute(f'COPY FROM DATABASE "{name}" TO rewritten')
    connection.execute("DETACH rewritten")


def _copy_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.erasing")


def _count(connection: duckdb.DuckDBPyConnection, query: str, *parameters: str) -> int:
    return int(connection.execute(query, [*parameters]).fetchall()[0][0])
