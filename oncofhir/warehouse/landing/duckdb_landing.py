"""Current tables in a DuckDB file; rows and offsets are committed in one transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import duckdb

from oncofhir.warehouse.landing.columns import Column, columns_of
from oncofhir.warehouse.landing.landing import (
    LandedTable,
    LandingError,
    MergeCounts,
    UnusableTarget,
)
from oncofhir.warehouse.landing.staging import ERASED, KEY, REJECTED, WINNERS, stage
from oncofhir.warehouse.landing.topic_record import StagedRecord
from oncofhir.warehouse.sql import view_statements

_OFFSETS = """
CREATE TABLE IF NOT EXISTS landing_offsets (
    topic VARCHAR, partition INTEGER, next_offset BIGINT, PRIMARY KEY (topic, partition))
"""
_REJECTED = """
CREATE TABLE IF NOT EXISTS rejected_records (
    topic VARCHAR, partition INTEGER, "offset" BIGINT, reason VARCHAR,
    PRIMARY KEY (topic, partition, "offset"))
"""

_HEADER_BYTES = 3 * 4096


class DuckDbLanding:
    """A DuckDB file: one table per topic, `landing_offsets`, `rejected_records`, and the views."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tables: Sequence[LandedTable]
    ) -> None:
        self._connection = connection
        self._columns = {table.name: columns_of(table.model) for table in tables}
        with self._transaction():
            connection.execute(_OFFSETS)
            connection.execute(_REJECTED)
            for table in tables:
                self._create(table.name, self._columns[table.name])
            for statement in view_statements():
                connection.execute(statement)

    @classmethod
    def open(cls, path: Path, tables: Sequence[LandedTable]) -> Self:
        """Open or create the file.

        Raises:
            UnusableTarget: it is a folder, or a file of another kind.
            LandingError: another process has it open, or it cannot be written.
        """
        if _is_unfinished(path):
            path.unlink()
        elif _is_of_another_kind(path):
            raise UnusableTarget(
                f"{path} is not a DuckDB file; it was left as it is. Name another file with --duckdb"
            )
        if not path.parent.is_dir():
            raise LandingError(f"{path} cannot be opened: the folder {path.parent} does not exist")
        try:
            connection = duckdb.connect(str(path))
        except duckdb.IOException as error:
            raise LandingError(
                f"{path} cannot be opened for writing. Close other programs that have it open (DuckDB allows "
                "one writer), and check the folder's permissions and free space"
            ) from error
        except duckdb.Error as error:
            raise LandingError(f"{path} is not a DuckDB file that this version reads") from error
        connection.execute("SET TimeZone = 'UTC'")
        return cls(connection, tables)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection, for queries on the landed tables."""
        return self._connection

    def next_offsets(self, table: LandedTable) -> Mapping[int, int]:
        rows = self._connection.execute(
            "SELECT partition, next_offset FROM landing_offsets WHERE topic = ?", [table.topic]
        ).fetchall()
        return dict(rows)

    def merge(
        self,
        table: LandedTable,
        records: Sequence[StagedRecord],
        next_offsets: Mapping[int, int],
    ) -> MergeCounts:
        columns = self._columns[table.name]
        with self._transaction():
            staged = stage(self._connection, records, columns)
            erased = self._count(
                f'DELETE FROM "{table.name}" WHERE {KEY} IN (SELECT {KEY} FROM {ERASED})'  # noqa: S608
            )
            merged = self._count(_merge_sql(table.name, columns))
            self._connection.execute(
                f"INSERT INTO rejected_records SELECT ?, * FROM {REJECTED} ON CONFLICT DO NOTHING",  # noqa: S608
                [table.topic],
            )
            for partition, offset in next_offsets.items():
                self._connection.execute(
                    "INSERT OR REPLACE INTO landing_offsets VALUES (?, ?, ?)",
                    [table.topic, partition, offset],
                )
        return MergeCounts(
            records=len(records), merged=merged, erased=erased, rejected=staged.rejected
        )

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
            self._connection.execute("COMMIT")
        except duckdb.Error as error:
            self._roll_back()
            kind = type(error).__name__
            raise LandingError(
                f"DuckDB refused the write ({kind}); nothing of this batch is in the tables. Check the free "
                "space of the disk, then run the command again: it resumes at this batch"
            ) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except duckdb.Error:  # a failed COMMIT has rolled back already
            return

    def _create(self, name: str, columns: Sequence[Column]) -> None:
        """Create the table, or add the columns that a newer version of oncofhir has."""
        self._connection.execute(f'CREATE TABLE IF NOT EXISTS "{name}" ({KEY} VARCHAR PRIMARY KEY)')
        for column in columns:
            self._connection.execute(
                f'ALTER TABLE "{name}" ADD COLUMN IF NOT EXISTS "{column.name}" {column.sql_type}'
            )

    def _count(self, statement: str) -> int:
        rows = self._connection.execute(statement).fetchall()
        return int(rows[0][0]) if rows else 0


def _merge_sql(table: str, columns: Sequence[Column]) -> str:
    """Insert new keys; replace a key's row where the revision is not lower."""
    names = [f'"{column.name}"' for column in columns]
    sets = ", ".join(f"{name} = s.{name}" for name in names)
    listed = ", ".join((KEY, *names))
    values = ", ".join(f"s.{name}" for name in (KEY, *names))
    return f"""
        MERGE INTO "{table}" AS t USING {WINNERS} AS s ON t.{KEY} = s.{KEY}
        WHEN MATCHED AND s.revision >= t.revision THEN UPDATE SET {sets}
        WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({values})
    """  # noqa: S608 - names of this module and of the model's fields


def _is_unfinished(path: Path) -> bool:
    """Return whether a process was killed while it created the file: it has no whole header, so no rows.

    A DuckDB file begins with three headers of 4,096 bytes and has DUCK at offset 8
    (https://duckdb.org/docs/internals/storage). Any other file is left alone.
    """
    if not path.is_file() or path.stat().st_size >= _HEADER_BYTES:
        return False
    begin = path.read_bytes()
    return begin[8:12] == b"DUCK" or not any(begin)


def _is_of_another_kind(path: Path) -> bool:
    if path.is_dir():
        return True
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(12)[8:] != b"DUCK"
    except OSError:  # connecting says what is wrong
        return False
