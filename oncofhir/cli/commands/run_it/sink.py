"""`oncofhir sink`: lands the output topics in tables."""

import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.options import MetricsPort
from oncofhir.cli.output import json_line, note, progress_console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oncofhir.settings import HttpSettings
    from oncofhir.warehouse.landing.landing import LandedTable, Landing
    from oncofhir.warehouse.landing.sink import SinkProgress
    from oncofhir.warehouse.landing.sink_status import SinkStatus
    from oncofhir.warehouse.omop.refresh import OmopCounts

_DEFAULT_FILE = Path("oncofhir.duckdb")


def sink(
    duckdb: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keep the tables in this DuckDB file. Default: oncofhir.duckdb."
        ),
    ] = None,
    delta: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Keep the tables as Delta Lake tables below this folder or URL."
        ),
    ] = None,
    once: Annotated[
        bool,
        typer.Option("--once", help="Stop at the end of the topics instead of waiting for more."),
    ] = False,
    omop: Annotated[
        bool,
        typer.Option("--omop", help="Fill the OMOP CDM 5.4 tables of the DuckDB file at the end."),
    ] = False,
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Athena's CONCEPT.csv and CONCEPT_RELATIONSHIP.csv, for --omop."
        ),
    ] = None,
    persons: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV with person_source_value (Patient/1) and person_id, for --omop.",
        ),
    ] = None,
    batch_records: Annotated[
        int, typer.Option(metavar="N", min=1, help="Most records per merge.")
    ] = 10_000,
    metrics_port: MetricsPort = None,
) -> None:
    """Land the output topics in tables that hold the current row of each key.

    Tables: phenotypes (one row per finding), outcomes (one row per document); views: findings,
    tumors. Rows and offsets are committed together, so that an interrupted sink resumes without loss or
    duplicates. Records that are not rows are listed in the table rejected_records. Ends on SIGTERM or Ctrl-C
    after the current batch, and prints one JSON object with the counts.

    Examples:
        oncofhir sink --once --duckdb warehouse.duckdb
        oncofhir sink --once --omop --vocabulary athena/
        oncofhir sink --delta s3://warehouse/oncology
        oncofhir sink --duckdb warehouse.duckdb --metrics-port 8081

    Exit status: 0 stopped; 1 a newer version of oncofhir wrote the rows; 2 wrong usage or settings; 3 the
    broker, the storage or the schema registry is unreachable.
    """
    if delta is not None and omop:
        fail("--omop fills tables of the DuckDB file: leave --delta out", ExitStatus.WRONG_USAGE)
    if duckdb is not None and delta is not None:
        fail("--duckdb and --delta exclude each other: choose one", ExitStatus.WRONG_USAGE)
    try:
        import deltalake  # noqa: F401 - both come with the extra, and are missed before anything is done

        from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding  # noqa: F401
        from oncofhir.warehouse.landing.sink import Sink
        from oncofhir.warehouse.landing.sink_status import SinkStatus
        from oncofhir.warehouse.landing.tables import landed_tables
        from oncofhir.warehouse.landing.topic_record import NewerMajorVersion, UndecodableRow
    except ModuleNotFoundError as error:
        from oncofhir.settings.extras import install_hint

        fail(f"{error.name} is not installed. {install_hint('warehouse')}", ExitStatus.WRONG_USAGE)
    from oncofhir.consumers.kafka.assigned_reader import assigned_reader
    from oncofhir.contracts.registry.row_decoder import RowDecoder
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError
    from oncofhir.warehouse.landing.landing import LandingError, UnusableTarget

    settings = settings_or_exit()
    tables = landed_tables(settings.kafka)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    began = time.monotonic()
    try:
        status = SinkStatus(None if delta is not None else duckdb or _DEFAULT_FILE)
        with (
            _served(status, settings.http, metrics_port),
            assigned_reader(settings.kafka, "sink") as reader,
        ):
            landing = _open(duckdb, delta, tables)
            try:
                decoder = RowDecoder.of(settings.kafka)
                running = Sink(reader, landing, tables, decoder, batch_records=batch_records)
                running.run(stop, once=once, on_progress=_Progress(status))
                filled = _fill_omop(landing, vocabulary, persons) if omop else None
            finally:
                landing.close()
    except UnusableTarget as error:
        fail(str(error), ExitStatus.WRONG_USAGE)
    except LandingError as error:
        fail(str(error), ExitStatus.UNREACHABLE)
    except NewerMajorVersion as error:
        fail(str(error), ExitStatus.WRONG_RESULT)
    except UndecodableRow as error:
        fail(str(error), ExitStatus.WRONG_USAGE)
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    _print(running.progress, filled, time.monotonic() - began)


@contextmanager
def _served(
    status: "SinkStatus", http: "HttpSettings", metrics_port: int | None
) -> "Iterator[None]":
    """Serve probes and metrics where a port was given."""
    if metrics_port is None:
        yield
        return
    from oncofhir.consumers.health.probe_thread import probe_thread
    from oncofhir.consumers.health.probes import probe_app

    app = probe_app(status, status.render_metrics, status.metrics.content_type)
    with probe_thread(app, http.model_copy(update={"port": metrics_port})) as port:
        note(f"/metrics on port {port}")
        yield


def _open(duckdb: Path | None, delta: str | None, tables: "Sequence[LandedTable]") -> "Landing":
    if delta is not None:
        from oncofhir.warehouse.landing.delta_landing import DeltaLanding

        return DeltaLanding(delta, tables)
    from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding

    return DuckDbLanding.open(duckdb or _DEFAULT_FILE, tables)


def _fill_omop(landing: "Landing", vocabulary: Path | None, persons: Path | None) -> "OmopCounts":
    from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding
    from oncofhir.warehouse.omop.refresh import refresh

    if not isinstance(landing, DuckDbLanding):
        raise TypeError(type(landing).__name__)
    return refresh(landing.connection, vocabulary=vocabulary, persons=persons)


class _Progress:
    """Shows on a terminal, once a second, how much was read and what is unread; notes it for a scrape."""

    def __init__(self, status: "SinkStatus") -> None:
        self._status = status
        self._console = progress_console()
        self._shown = 0.0

    def __call__(self, progress: "SinkProgress") -> None:
        self._status.on_progress(progress)
        now = time.monotonic()
        if self._console.is_terminal and now - self._shown >= 1:
            self._shown = now
            read = sum(counts.records for counts in progress.merged.values())
            self._console.print(f"read {read} records, {progress.lag} to go")


def _print(progress: "SinkProgress", omop: "OmopCounts | None", seconds: float) -> None:
    counts = {"tables": progress.merged, "lag": progress.lag, "seconds": round(seconds, 1)}
    json_line(counts if omop is None else counts | {"omop": omop})
