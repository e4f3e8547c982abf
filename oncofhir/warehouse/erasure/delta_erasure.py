"""Erases one patient from the Delta tables of a sink, and the files of earlier versions."""

from collections.abc import Collection

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError, TableNotFoundError

from oncofhir.warehouse.landing.landing import LandingError


def erase_from_delta(
    root: str,
    patient: str,
    documents: Collection[str],
    reports: Collection[str],
    *,
    dry_run: bool,
) -> dict[str, int]:
    """Delete the patient's rows and return their number by table. Idempotent; `dry_run` writes nothing.

    Earlier versions of the tables keep the rows in files of their own, so these files are removed, too:
    queries of an earlier version fail from then on. The log keeps the least and greatest values of columns
    until it is cleaned up (`delta.logRetentionDuration`, 30 days).

    Raises:
        LandingError: there are no such tables, or the storage refuses the write.
    """
    try:
        phenotypes = DeltaTable(f"{root.rstrip('/')}/phenotypes")
        outcomes = DeltaTable(f"{root.rstrip('/')}/outcomes")
        found = _rows(phenotypes, ["document", "source"], f"subject = {_quoted(patient)}")
        conditions = {
            "document": {*documents, *(row["document"] for row in found)},
            "source": {*reports, *(row["source"] for row in found)},
        }
        of_outcomes = " OR ".join(
            f"{column} IN ({', '.join(map(_quoted, sorted(values)))})"
            for column, values in conditions.items()
            if values
        )
        counts = {
            "phenotypes": len(found),
            "outcomes": len(_rows(outcomes, ["document"], of_outcomes)) if of_outcomes else 0,
        }
        if dry_run:
            return counts
        if counts["phenotypes"]:
            phenotypes.delete(f"subject = {_quoted(patient)}")
        if counts["outcomes"]:
            outcomes.delete(of_outcomes)
        for table in (phenotypes, outcomes):
            table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    except TableNotFoundError as error:
        raise LandingError(f"{root} has no Delta tables of 'oncofhir sink'") from error
    except (DeltaError, OSError) as error:
        raise LandingError(
            f"the Delta tables below {root} could not be erased from ({type(error).__name__}). Check the "
            "address, the credentials and that no sink is running, then run the command again"
        ) from error
    return counts


def _rows(table: DeltaTable, columns: list[str], condition: str) -> list[dict[str, str]]:
    query = f"SELECT {', '.join(columns)} FROM t WHERE {condition}"  # noqa: S608 - quoted values
    found = QueryBuilder().register("t", table).execute(query)
    rows: list[dict[str, str]] = pa.table(found).to_pylist()
    return rows


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
