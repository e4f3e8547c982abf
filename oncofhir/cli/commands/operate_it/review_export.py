"""`oncofhir review export`: reviews as labelled examples for `oncofhir evaluate`."""

import asyncio
import json
import os
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.output import json_line

if TYPE_CHECKING:
    from oncofhir.settings import Settings


class Format(StrEnum):
    """The formats of `review.agreement.export.ExampleFormat`."""

    LABELS = "labels"
    CASES = "cases"


def export(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="File to write. It will hold reports' texts: PHI."),
    ],
    format: Annotated[  # noqa: A002 - the name of the option
        Format,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="labels: one value per phenotype, for scores and --fit-calibration. cases: facts that must "
            "and must not be found, also of reports with several tumors.",
        ),
    ] = Format.LABELS,
) -> None:
    """Write reviewed reports as labelled examples that `oncofhir evaluate` reads.

    First makes a pass of `oncofhir review watch`, so that edits made elsewhere count too. A phenotype is
    labelled when all its findings in the report were reviewed; refuted without another value, it is known
    absent. The file holds the text of the reports: only its owner can read it. Prints one JSON object with
    the counts: reports, unreadable (the text has changed or is gone), left-out (phenotypes with several
    values, which only --format cases can express).

    Examples:
        oncofhir review export reviewed.jsonl
        oncofhir evaluate reviewed.jsonl --fit-calibration calibration.json
        oncofhir review export cases.jsonl --format cases

    Exit status: 0 written; 1 nothing was reviewed; 2 wrong usage or settings, or FILE cannot be written; 3
    the FHIR server or the broker is unreachable.
    """
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    settings = settings_or_exit()
    try:
        counts = asyncio.run(_write(settings, file, format))
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    except OSError as error:
        fail(f"{file}: {error.strerror}", ExitStatus.WRONG_USAGE)
    json_line(counts)
    if not counts["reports"]:
        raise typer.Exit(ExitStatus.WRONG_RESULT)


async def _write(settings: "Settings", file: Path, chosen: Format) -> Counter[str]:
    """Write to a temporary file in the same folder, which replaces `file` when it is complete."""
    from oncofhir.review.agreement.export import ExampleFormat
    from oncofhir.review.composition import open_review

    counts: Counter[str] = Counter({"reports": 0, "unreadable": 0, "left-out": 0})
    partial = file.with_name(file.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as lines:
            async with open_review(settings) as review:
                await review.watcher.run_once()
                async for example in review.store.examples(ExampleFormat(chosen.value)):
                    if example is None:
                        counts["unreadable"] += 1
                        continue
                    lines.write(json.dumps(example.line, ensure_ascii=False) + "\n")
                    counts["reports"] += 1
                    counts["left-out"] += example.left_out
        if counts["reports"]:
            partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return counts
