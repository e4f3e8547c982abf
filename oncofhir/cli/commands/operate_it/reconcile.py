"""`oncofhir reconcile`: checks that every report has an outcome."""

import asyncio
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.options import AsJson, parse_datetime
from oncofhir.cli.output import fitted, json_line, note, pluralize, wants_tables

if TYPE_CHECKING:
    from oncofhir.consumers.reconciliation.ledger import Discrepancy, Ledger
    from oncofhir.consumers.reconciliation.reviews import PublishedReviews
    from oncofhir.settings import Settings


def reconcile(
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only records published at or after this time. Default: all."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only records published before this time.")
    ] = None,
    late: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="Time after which a report is overdue.", min=0, max=1e9
        ),
    ] = 3600.0,
    heads: Annotated[
        bool, typer.Option(help="Also check the document state (Task) on the FHIR server.")
    ] = True,
    edits: Annotated[
        bool,
        typer.Option(
            "--edits", help="Also read every finding and look for edits that are not published."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check that every report in a time range has an outcome or a dead letter.

    Prints one JSON object per problem, followed by a summary. Read-only, and without any content of a report.
    Topic retention limits how far back it can check.

    missing: the offset is committed, and the report has no outcome. overdue: not processed within --late.
    store-behind: the FHIR server has an older version than one with an outcome. in-progress-abandoned: a
    worker reserved the document and stopped. unpublished: the outcome on the FHIR server is not in the
    outcome topic. review-unpublished: the phenotype topic lacks what a person said of a finding.
    edit-unread (with --edits): a finding was edited, and `oncofhir review watch` has not read it yet.

    "compacted" in the summary counts records whose outcome row was compacted away by a later one.

    Examples:
        oncofhir reconcile
        oncofhir reconcile --since 2026-01-31 --late 600

    Exit status: 0 every report is accounted for; 1 problems are listed; 2 wrong usage or settings; 3 the
    broker or the FHIR server is unreachable.
    """
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError

    if edits and not heads:
        fail("--edits needs the document state: leave --no-heads out", ExitStatus.WRONG_USAGE)
    begin, end = parse_datetime(since, "--since"), parse_datetime(until, "--until")
    if begin is not None and end is not None and begin >= end:
        fail("--since must be before --until", ExitStatus.WRONG_USAGE)
    settings = settings_or_exit()
    now = datetime.now(UTC)
    try:
        ledger, reviews, found = _read(settings, begin, end, now, late)
        if heads:
            about = _about_heads(settings, ledger, reviews, begin, now, late, edits=edits)
            found += asyncio.run(about)
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error)
    _print(ledger, found, as_json=as_json)
    if found:
        raise typer.Exit(ExitStatus.WRONG_RESULT)


def _read(
    settings: "Settings",
    begin: datetime | None,
    end: datetime | None,
    now: datetime,
    late: float,
) -> "tuple[Ledger, PublishedReviews, list[Discrepancy]]":
    from oncofhir.consumers.kafka.bounded_reader import bounded_reader
    from oncofhir.consumers.kafka.committed_offsets import committed_offsets
    from oncofhir.consumers.reconciliation.reconcile import read_topics
    from oncofhir.consumers.reconciliation.reviews import read_reviews

    kafka = settings.kafka
    # What is committed after this is not expected to be accounted for yet.
    committed = committed_offsets(kafka)
    with bounded_reader(kafka) as reader:
        ledger = read_topics(reader, kafka, begin, end, note, settings.hl7v2)
        reviews = read_reviews(reader, kafka, begin)
    now_ms, late_ms = int(now.timestamp() * 1000), int(late * 1000)
    return ledger, reviews, list(ledger.discrepancies(committed, now_ms, late_ms))


async def _about_heads(
    settings: "Settings",
    ledger: "Ledger",
    reviews: "PublishedReviews",
    begin: datetime | None,
    now: datetime,
    late: float,
    *,
    edits: bool,
) -> "list[Discrepancy]":
    from oncofhir.consumers.composition import pipeline as composition
    from oncofhir.consumers.reconciliation.reconcile import check_head, heads_written
    from oncofhir.consumers.reconciliation.reviews import check_reviews
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
                found += await check_reviews(client, reviews, head, now, late, edits=edits)
    finally:
        await client.aclose()
    note(f"{pluralize(ledger.counts['heads'], 'head')}")
    return found


def _print(ledger: "Ledger", found: "list[Discrepancy]", *, as_json: bool) -> None:
    problems = Counter(discrepancy.problem.value for discrepancy in found)
    summary = {**dict(sorted(ledger.counts.items())), "problems": dict(sorted(problems.items()))}
    if not wants_tables(as_json):
        for discrepancy in found:
            json_line(discrepancy.model_dump(mode="json", exclude_none=True))
        json_line({"summary": summary})
        return
    for one in found:
        place = f"{one.topic}, partition {one.partition}, offset {one.offset}" if one.topic else ""
        where = ", ".join(filter(None, (place, one.document and f"document {one.document}")))
        text = f"{one.problem.value}: {where}, {one.age_seconds} s old"
        typer.echo(fitted(text, sys.stdout))
    counts = ", ".join(f"{count} {name}" for name, count in sorted(ledger.counts.items()))
    verdict = pluralize(len(found), "problem") if found else "Every report is accounted for"
    typer.echo(fitted(f"{verdict}: {counts or 'no records'}.", sys.stdout))
