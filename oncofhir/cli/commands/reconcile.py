"""`oncofhir reconcile`: whether every report that came in is accounted for."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.exit_status import Exit, fail, give_up
from oncofhir.cli.options import moment
from oncofhir.cli.output import console, counted, json_line, wants_tables

if TYPE_CHECKING:
    from oncofhir.consumers.reconciliation.ledger import Discrepancy, Ledger
    from oncofhir.settings import Settings


def reconcile(
    since: Annotated[
        str | None, typer.Option(help="Records published then or later; ISO 8601. Default: all.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Records published before; ISO 8601.")] = None,
    late: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long a report may take.", min=0)
    ] = 3600.0,
    heads: Annotated[bool, typer.Option(help="Look at the heads in the store too.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Hold the reports of a time range against their outcomes, dead letters and heads.

    Prints one JSON line for each record or document that is not as it should be, and last a summary.
    missing: the group went past the record and nothing accounts for it. late: not done, and older than
    --late. left-behind: the store shows an older version than one that was dealt with. unfinished: a
    worker reserved the document and ended. unpublished: the store's outcome is not in the outcome topic.
    Names places, documents' identities and ages, nothing of content; writes nothing. Retention of the topics
    bounds how far back it sees. overtaken in the summary: the record's row was compacted away, and a later
    record of the same report has one. Exit status: 0 all is accounted for, 1 something is listed; 2 wrong
    usage or settings; 3 the broker or the store is unreachable.
    """
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    begin, end = moment(since), moment(until)
    if begin is not None and end is not None and begin >= end:
        fail("--since is not before --until: there is no such time range", Exit.WRONG_USAGE)
    settings = settings_or_exit()
    now = datetime.now(UTC)
    try:
        ledger, found = _read(settings, begin, end, now, late)
        if heads:
            found += asyncio.run(_about_heads(settings, ledger, begin, now, late))
    except (OncofhirError, SettingsError) as error:
        give_up(error)
    _print(ledger, found, as_json=as_json)
    if found:
        raise typer.Exit(Exit.WRONG_RESULT)


def _read(
    settings: "Settings",
    begin: datetime | None,
    end: datetime | None,
    now: datetime,
    late: float,
) -> "tuple[Ledger, list[Discrepancy]]":
    from oncofhir.consumers.kafka.bounded_reader import bounded_reader
    from oncofhir.consumers.kafka.committed_offsets import committed_offsets
    from oncofhir.consumers.reconciliation.reconcile import read_topics

    kafka = settings.kafka
    # What is committed after this is not expected to be accounted for yet.
    committed = committed_offsets(kafka)
    with bounded_reader(kafka) as reader:
        ledger = read_topics(reader, kafka, begin, end, _say)
    now_ms, late_ms = int(now.timestamp() * 1000), int(late * 1000)
    return ledger, list(ledger.discrepancies(committed, now_ms, late_ms))


async def _about_heads(
    settings: "Settings", ledger: "Ledger", begin: datetime | None, now: datetime, late: float
) -> "list[Discrepancy]":
    from oncofhir.consumers.composition import pipeline as composition
    from oncofhir.consumers.reconciliation.reconcile import check_head, heads_written
    from oncofhir.fhir.identifiers import IdentifierSystems

    fhir = settings.fhir
    client = composition.build_fhir_client(fhir, fhir.base_url, fhir.credentials)
    found: list[Discrepancy] = []
    try:
        async for head in heads_written(
            client, IdentifierSystems(prefix=fhir.identifier_system), begin
        ):
            ledger.counts["heads"] += 1
            if head is None:
                ledger.counts["unreadable-heads"] += 1
            else:
                found += check_head(ledger, head, now, late)
    finally:
        await client.aclose()
    _say(f"{counted(ledger.counts['heads'], 'head')}")
    return found


def _print(ledger: "Ledger", found: "list[Discrepancy]", *, as_json: bool) -> None:
    problems = Counter(discrepancy.problem.value for discrepancy in found)
    summary = {**dict(sorted(ledger.counts.items())), "problems": dict(sorted(problems.items()))}
    if not wants_tables(as_json):
        for discrepancy in found:
            json_line(discrepancy.model_dump(mode="json", exclude_none=True))
        json_line({"summary": summary})
        return
    table = Table("problem", "record", "document", "age")
    for x in found:
        record = "" if x.topic is None else f"{x.topic}/{x.partition}/{x.offset}"
        table.add_row(x.problem.value, record, x.document or "", f"{x.age_seconds} s")
    if found:
        console().print(table)
    said = ", ".join(f"{name} {count}" for name, count in sorted(ledger.counts.items()))
    console().print(f"{said}; {'all is accounted for' if not found else f'{len(found)} listed'}")


def _say(what: str) -> None:
    typer.echo(f"oncofhir: {what}", err=True)
