"""Lands the demo's rows in a DuckDB file."""

import threading
from pathlib import Path

from oncofhir.consumers.kafka.assigned_reader import assigned_reader
from oncofhir.contracts.registry.row_decoder import RowDecoder
from oncofhir.settings import KafkaSettings
from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding
from oncofhir.warehouse.landing.sink import Sink
from oncofhir.warehouse.landing.tables import landed_tables

# The first question of docs/tutorial/questions-in-sql.md; a test compares.
STAGE_BY_HISTOLOGY = """\
SELECT CASE WHEN histology LIKE '%adenocarcinoma%' THEN 'adenocarcinoma'
            WHEN histology LIKE '%carcinoma%' THEN 'other carcinoma'
            ELSE 'other' END AS histology,
       coalesce(nullif(regexp_extract(t, 'T[0-4]'), ''), 'no T') AS stage,
       count(*) AS tumors
FROM tumors
GROUP BY ALL ORDER BY ALL;
"""


def land(settings: KafkaSettings, file: Path) -> list[tuple[str, str, int]]:
    """Land the topics in a file, and return its tumours as (histology, T category, count).

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: the broker.
        LandingError: the file cannot be written.
    """
    tables = landed_tables(settings)
    with assigned_reader(settings, "demo-sink") as reader:
        landing = DuckDbLanding.open(file, tables)
        try:
            Sink(reader, landing, tables, RowDecoder.of(settings)).run(threading.Event(), once=True)
            return landing.connection.execute(STAGE_BY_HISTOLOGY).fetchall()
        finally:
            landing.close()
