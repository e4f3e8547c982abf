"""Current tables in Delta Lake; each merge records the topic's offsets as application transactions."""

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Transaction
from deltalake.exceptions import DeltaError, TableNotFoundError

from oncofhir.warehouse.landing.columns import Column, columns_of
from oncofhir.warehouse.landing.landing import LandedTable, LandingError, MergeCounts
from oncofhir.warehouse.landing.staging import ERASED, KEY, REJECTED, WINNERS, stage
from oncofhir.warehouse.landing.topic_record import StagedRecord

_IS_ERASED = "is_erased"
_REJECTED_SCHEMA = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("reason", pa.string()),
    ]
)


class DeltaLanding:
    """A folder or URL with a Delta table per topic, and one per topic for its rejected records.

    The offset of a partition is the version of the application transaction `oncofhir/TOPIC/PARTITION` (Delta
    protocol, "Transaction Identifiers"), written by the commit that merges the rows.
    """

    def __init__(self, root: str, tables: Sequence[LandedTable]) -> None:
        self._root = root.rstrip("/")
        self._columns = {table.name: columns_of(table.model) for table in tables}
        self._staging = duckdb.connect()
        self._staging.execute("SET TimeZone = 'UTC'")
        self._tables = {
            table.name: self._table(table.name, self._empty(self._columns[table.name]))
            for table in tables
        }

    def next_offsets(self, table: LandedTable) -> Mapping[int, int]:
        delta = self._tables[table.name]
        partitions = delta.transaction_version(_partitions_id(table.topic)) or 0
        found = {
            partition: delta.transaction_version(_app_id(table.topic, partition))
            for partition in range(partitions)
        }
        return {partition: offset for partition, offset in found.items() if offset is not None}

    def merge(
        self,
        table: LandedTable,
        records: Sequence[StagedRecord],
        next_offsets: Mapping[int, int],
    ) -> MergeCounts:
        columns = self._columns[table.name]
        staged = stage(self._staging, records, columns)
        try:
            self._append_rejected(table)
            merged, erased = self._merge(table, columns, next_offsets)
        except (DeltaError, OSError) as error:
            raise LandingError(
                f"the Delta table {table.name} could not be written ({type(error).__name__}); nothing of "
                "this batch is in it. Check the storage, its credentials and its free space, then run the "
                "command again: it resumes at this batch"
            ) from error
        return MergeCounts(
            records=len(records), merged=merged, erased=erased, rejected=staged.rejected
        )

    def close(self) -> None:
        self._staging.close()

    def _merge(
        self, table: LandedTable, columns: Sequence[Column], next_offsets: Mapping[int, int]
    ) -> tuple[int, int]:
        names = [KEY, *(column.name for column in columns)]
        source = self._arrow(
            f"SELECT w.*, false AS {_IS_ERASED} FROM {WINNERS} w UNION ALL BY NAME "  # noqa: S608
            f"SELECT e.{KEY}, true AS {_IS_ERASED} FROM {ERASED} e ANTI JOIN {WINNERS} USING ({KEY})"
        )
        # A key that was erased and written again keeps its row only from after the tombstone.
        again = self._staging.execute(
            f"SELECT {KEY} FROM {ERASED} SEMI JOIN {WINNERS} USING ({KEY})"  # noqa: S608
        ).fetchall()
        replaced = {key for (key,) in again}
        source = source.append_column(
            "is_new", pa.array([k.as_py() in replaced for k in source[KEY]])
        )
        delta = self._tables[table.name]
        result = (
            delta.merge(
                source,
                predicate=f"target.{KEY} = source.{KEY}",
                source_alias="source",
                target_alias="target",
                commit_properties=self._commit(table.topic, delta, next_offsets),
            )
            .when_matched_delete(predicate=f"source.{_IS_ERASED}")
            .when_matched_update(
                {name: f"source.`{name}`" for name in names},
                predicate="source.is_new OR source.revision >= target.revision",
            )
            .when_not_matched_insert(
                {name: f"source.`{name}`" for name in names}, predicate=f"NOT source.{_IS_ERASED}"
            )
            .execute()
        )
        merged = result["num_target_rows_inserted"] + result["num_target_rows_updated"]
        return merged, result["num_target_rows_deleted"]

    def _commit(
        self, topic: str, delta: DeltaTable, next_offsets: Mapping[int, int]
    ) -> CommitProperties:
        known = delta.transaction_version(_partitions_id(topic)) or 0
        partitions = max([known, *(p + 1 for p in next_offsets)])
        return CommitProperties(
            app_transactions=[
                Transaction(_partitions_id(topic), partitions),
                *(Transaction(_app_id(topic, p), offset) for p, offset in next_offsets.items()),
            ]
        )

    def _append_rejected(self, table: LandedTable) -> None:
        """Write the rejected records before the offsets: a kill between them lists a record twice at most."""
        rejected = self._arrow(
            f'SELECT ? AS topic, partition, "offset", reason FROM {REJECTED}',  # noqa: S608
            [table.topic],
        )
        if not rejected.num_rows:
            return
        delta = self._table("rejected_records", _REJECTED_SCHEMA.empty_table())
        delta.merge(
            rejected.cast(_REJECTED_SCHEMA),
            predicate="t.topic = s.topic AND t.partition = s.partition AND t.offset = s.offset",
            source_alias="s",
            target_alias="t",
        ).when_not_matched_insert_all().execute()

    def _empty(self, columns: Sequence[Column]) -> pa.Table:
        listed = ", ".join(f'"{column.name}" {column.sql_type}' for column in columns)
        self._staging.execute(f"CREATE OR REPLACE TEMP TABLE empty ({KEY} VARCHAR, {listed})")
        return self._arrow("SELECT * FROM empty")

    def _arrow(self, query: str, parameters: Sequence[str] = ()) -> pa.Table:
        return pa.table(self._staging.sql(query, params=list(parameters)).to_arrow_table())

    def _table(self, name: str, empty: pa.Table) -> DeltaTable:
        """Open the table, or create it; columns that a newer version of oncofhir has are added."""
        url = f"{self._root}/{name}"
        try:
            delta = DeltaTable(url)
        except TableNotFoundError:
            return DeltaTable.create(url, schema=empty.schema, name=name)
        except (DeltaError, OSError) as error:
            raise LandingError(
                f"{url} cannot be opened as a Delta table ({type(error).__name__}). Check the address and "
                "the credentials of the storage"
            ) from error
        known = set(delta.schema().to_arrow().names)
        missing = [field for field in empty.schema if field.name not in known]
        if missing:
            delta.alter.add_columns([Field.from_arrow(field) for field in missing])
        return delta


def _app_id(topic: str, partition: int) -> str:
    return f"oncofhir/{topic}/{partition}"


def _partitions_id(topic: str) -> str:
    return f"oncofhir/{topic}"
