"""`oncofhir erase`: erases what the service holds of one patient."""

import asyncio
import re
import time
from pathlib import Path
from typing import Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.output import json_line

_ID = r"[A-Za-z0-9\-.]{1,64}"
_PATIENT = re.compile(rf"Patient/{_ID}")
_REPORT = re.compile(rf"(?:DiagnosticReport|DocumentReference)/{_ID}")


def erase(
    patient: Annotated[
        str,
        typer.Option(metavar="Patient/ID", help="The patient, as the reports refer to it."),
    ],
    report: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TYPE/ID",
            help="A report of the patient that its FHIR server no longer has. Repeatable.",
        ),
    ] = None,
    duckdb: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also erase from this DuckDB file of `oncofhir sink`."),
    ] = None,
    delta: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Also erase from the Delta tables below this URL."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be erased, and change nothing.")
    ] = False,
) -> None:
    """Erase what the service has written about one patient: FHIR resources, rows on topics, landed tables.

    On the store (ONCOFHIR_FHIR__BASE_URL) the findings, their Provenance and the document state are
    deleted, also those that a person edited; what the server does not delete is emptied and marked
    entered-in-error. Rows on the output topics are erased by tombstones if ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS
    is set; sinks that are running erase their rows when they read these. Dead letters of the patient are
    listed by position: only the retention of their topic deletes them. A topic that does not exist is named
    and passed over. Reports are not touched.

    First remove or restrict the reports at their source, or they are processed again when they are
    delivered. The command is idempotent: run it again after an interruption, and once more when reports in
    flight have ended. It prints one JSON object with counts, without identifiers.

    Examples:
        oncofhir erase --patient Patient/123 --dry-run
        oncofhir erase --patient Patient/123 --duckdb warehouse.duckdb

    Exit status: 0 nothing of the patient is left; 1 something is left: resources that the server
    neither deletes nor changes, or dead letters; 2 wrong usage or settings; 3 a dependency is unreachable.
    """
    from oncofhir.cli.commands.recover.erase_patient import erase_patient
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    reports = frozenset(report or ())
    if not _PATIENT.fullmatch(patient):
        fail("--patient needs a reference such as Patient/123", ExitStatus.WRONG_USAGE)
    if not all(map(_REPORT.fullmatch, reports)):
        fail(
            "--report needs a reference such as DiagnosticReport/1 or DocumentReference/1",
            ExitStatus.WRONG_USAGE,
        )
    settings = settings_or_exit()
    began = time.monotonic()
    try:
        summary = asyncio.run(
            erase_patient(settings, patient, reports, duckdb, delta, dry_run=dry_run)
        )
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error, "run it again to continue")
    summary["seconds"] = round(time.monotonic() - began, 1)
    json_line(summary)
    if not dry_run and not summary["complete"]:
        raise typer.Exit(ExitStatus.WRONG_RESULT)
