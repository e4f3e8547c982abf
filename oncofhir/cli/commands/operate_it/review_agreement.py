"""`oncofhir review agreement`: how reviewers judge the model."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import exit_with_error
from oncofhir.cli.options import AsJson, parse_datetime
from oncofhir.cli.output import console, json_line, wants_tables

if TYPE_CHECKING:
    from oncofhir.schemas.review import Agreement
    from oncofhir.settings import Settings

_COUNTS = ("confirmed", "corrected", "refuted", "missed", "unsure", "unreviewed")


def agreement(
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only reviews at or after this time. Default: all."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only reviews before this time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count confirmed, corrected, refuted and missed findings per phenotype, site and model.

    First makes a pass of `oncofhir review watch`, so that edits made elsewhere count too. precision is the
    fraction of the reviewed findings that were confirmed. kappa is Cohen's kappa of the findings on which two
    people decided. With --since or --until, unreviewed findings are left out.

    Examples:
        oncofhir review agreement
        oncofhir review agreement --since 2026-11-01 --json

    Exit status: 0 counted; 2 wrong usage or settings; 3 the FHIR server or the broker is unreachable.
    """
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    begin, end = parse_datetime(since), parse_datetime(until)
    settings = settings_or_exit()
    try:
        found = asyncio.run(_count(settings, begin, end))
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    if wants_tables(as_json):
        _print_table(found)
        return
    for one in found:
        json_line({**one.model_dump(mode="json"), "precision": one.precision})


async def _count(
    settings: "Settings", since: datetime | None, until: datetime | None
) -> "Sequence[Agreement]":
    from oncofhir.review.composition import open_review

    async with open_review(settings) as review:
        await review.watcher.run_once()
        return await review.store.agreement(since=since, until=until)


def _print_table(found: "Sequence[Agreement]") -> None:
    from rich.table import Table

    table = Table("phenotype", "site", "model", *_COUNTS, "precision", "kappa")
    for one in found:
        name = f"{one.kind.value} {one.slot or ''}".strip()
        counts = [str(getattr(one, count)) for count in _COUNTS]
        table.add_row(name, one.site, one.model, *counts, _rate(one.precision), _rate(one.kappa))
    console().print(table)


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
