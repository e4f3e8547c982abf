"""`oncofhir retract`: withdraws what one model or one prompt set wrote."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.commands.config import settings_or_exit
from oncofhir.cli.concurrency import in_order
from oncofhir.cli.exit_status import Exit, fail, give_up
from oncofhir.cli.output import counted, json_line

if TYPE_CHECKING:
    from oncofhir.fhir.store.recall import RecallFilter
    from oncofhir.settings import Settings

_EVERY = 100  # documents between two lines of progress


def retract(
    model: Annotated[
        str | None,
        typer.Option(
            metavar="DIGEST", help="The model's digest, as rows name it, or after `sha256:`."
        ),
    ] = None,
    prompt_set: Annotated[
        str | None, typer.Option(metavar="NAME@VERSION", help="The prompt set, as rows name it.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only what was written since: 2026-11-20 or 2026-11-20T10:00:00Z."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be withdrawn, and write nothing.")
    ] = False,
) -> None:
    """Withdraw every finding that a model (or a prompt set) wrote: entered-in-error, never deleted.

    Documents whose last run was that model's are found by search in the store at
    ONCOFHIR_FHIR__BASE_URL. Resources that a human changed are left alone and named. The withdrawn rows
    are published where ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS is set. Prints one JSON line a document; run
    again, it goes on where it stopped. A later run of another model, or of the next version of a
    report, revives what it finds. Exit status: 1 no document holds any such finding, or some could
    not be withdrawn; 2 wrong usage or settings; 3 the store or the broker is unreachable.
    """
    from oncofhir.fhir.store.recall import RecallFilter
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError, WriteMode

    if not model and not prompt_set:
        fail("say what to withdraw: --model DIGEST or --prompt-set NAME@VERSION", Exit.WRONG_USAGE)
    if prompt_set and "@" not in prompt_set:
        fail("--prompt-set needs the version too: NAME@VERSION", Exit.WRONG_USAGE)
    recalled = RecallFilter(model=_digest(model), prompt_set=prompt_set, since=_moment(since))
    settings = settings_or_exit()
    if settings.fhir.write is WriteMode.SHADOW and not dry_run:
        fail(
            "ONCOFHIR_FHIR__WRITE is shadow: nothing may be written (try --dry-run)",
            Exit.WRONG_USAGE,
        )
    try:
        counts = asyncio.run(_run(settings, recalled, dry_run=dry_run))
    except (OncofhirError, SettingsError) as error:
        give_up(error, "run it again to go on")
    _end(counts)


def _digest(model: str | None) -> str | None:
    """A digest as it is stored: without the name of its algorithm."""
    return model.removeprefix("sha256:") if model is not None else None


def _moment(since: str | None) -> datetime | None:
    if since is None:
        return None
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        fail("--since needs a date or a time such as 2026-11-20T10:00:00Z", Exit.WRONG_USAGE)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _run(settings: "Settings", recalled: "RecallFilter", *, dry_run: bool) -> Counter[str]:
    from oncofhir.consumers.composition import pipeline as composition
    from oncofhir.consumers.publishing.recall_publisher import RecallPublisher
    from oncofhir.fhir.identifiers import IdentifierSystems
    from oncofhir.fhir.store.recall import RecallResult, find_heads, recall
    from oncofhir.schemas.errors import RequestRejected, StoreConflict

    fhir = settings.fhir
    client = composition.build_fhir_client(fhir, fhir.base_url, fhir.credentials)
    repository = composition.build_repository(settings, client)
    systems = IdentifierSystems(prefix=fhir.identifier_system)
    counts: Counter[str] = Counter()

    async def one(task: str) -> "RecallResult | RequestRejected | StoreConflict":
        try:
            return await recall(client, repository, recalled, task, dry_run=dry_run)
        except (RequestRejected, StoreConflict) as error:
            return error

    try:
        # All heads first: what is withdrawn moves in the pages of a search that goes on.
        tasks = [task async for task, _ in find_heads(client, systems, recalled)]
        typer.echo(f"oncofhir: {counted(len(tasks), 'document')}", err=True)
        async with RecallPublisher(settings.kafka) as publisher:
            if not publisher.publishes and not dry_run:
                typer.echo(
                    "oncofhir: ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS is not set: no rows are published",
                    err=True,
                )
            async for result in in_order(one, tasks, fhir.max_connections):
                counts["documents"] += 1
                if not isinstance(result, RecallResult):
                    counts["failed"] += 1
                    json_line({"document": None, "status": "failed", "error": result.reason.value})
                    continue
                published = 0
                if result.processed is not None and not dry_run:
                    published = await publisher.publish(result.processed)
                counts[result.status.value] += 1
                counts["findings"] += result.withdrawn
                counts["human-edited"] += len(result.human_edited)
                json_line({**result.model_dump(exclude={"processed"}), "published": published})
                if counts["documents"] % _EVERY == 0:
                    typer.echo(f"oncofhir: {counts['documents']} of {len(tasks)}", err=True)
    finally:
        await client.aclose()
    return counts


def _end(counts: Counter[str]) -> None:
    said = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    typer.echo(f"oncofhir: {said or 'no document holds any such finding'}", err=True)
    if not counts["documents"] or counts["failed"]:
        raise typer.Exit(Exit.WRONG_RESULT)
