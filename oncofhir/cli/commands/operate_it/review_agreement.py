"""`oncofhir review agreement`: how reviewers judge the model."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.options import AsJson, parse_datetime
from oncofhir.cli.output import fitted, json_line, note, wants_tables

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

    begin, end = parse_datetime(since, "--since"), parse_datetime(until, "--until")
    if begin is not None and end is not None and begin >= end:
        fail("--since must be before --until", ExitStatus.WRONG_USAGE)
    settings = settings_or_exit()
    try:
        found = asyncio.run(_count(settings, begin, end))
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    if wants_tables(as_json):
        _print_lists(sorted(found, key=lambda one: (one.site, one.model)))
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


def _print_lists(found: "Sequence[Agreement]") -> None:
    """One list per site and model. A table with all counts does not fit 80 columns."""
    if not found:
        note("no findings, so nothing to count")
    width = max((len(_phenotype(one)) for one in found), default=0)
    for (site, model), rows in groupby(found, lambda one: (one.site, one.model)):
        typer.echo(fitted(f"Site {site}, model {model}:", sys.stdout))
        for one in rows:
            name = f"  {_phenotype(one):<{width}}  "
            typer.echo(fitted(_judgements(one), sys.stdout, name, " " * len(name)))


def _phenotype(one: "Agreement") -> str:
    return f"{one.kind.value} {one.slot or ''}".strip()


def _judgements(one: "Agreement") -> str:
    """The counts that are not 0, and the rates that are known."""
    counts = [f"{getattr(one, name)} {name}" for name in _COUNTS if getattr(one, name)]
    rates = {"precision": one.precision, "kappa": one.kappa}
    known = [f"{name} {rate:.2f}" for name, rate in rates.items() if rate is not None]
    return ", ".join(counts or ["0 findings"]) + "".join(f"; {rate}" for rate in known)
