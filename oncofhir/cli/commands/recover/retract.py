"""`oncofhir retract`: retracts the findings of one model or one prompt set."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from oncofhir.cli.concurrency import map_ordered
from oncofhir.cli.configuration import settings_or_exit
from oncofhir.cli.exit_status import ExitStatus, exit_with_error, fail
from oncofhir.cli.output import json_line, note, pluralize

if TYPE_CHECKING:
    from oncofhir.fhir.store.recall import RecallFilter
    from oncofhir.settings import Settings

_EVERY = 100  # documents between two lines of progress


def retract(
    model: Annotated[
        str | None,
        typer.Option(
            metavar="DIGEST",
            help="Digest of the model, as in rows (model_digest), with or without sha256:.",
        ),
    ] = None,
    prompt_set: Annotated[
        str | None,
        typer.Option(metavar="NAME@VERSION", help="Prompt set, as in rows (prompt_set)."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only findings written since: 2026-11-20 or 2026-11-20T10:00:00Z."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be retracted, and write nothing.")
    ] = False,
) -> None:
    """Retract the findings of a model or a prompt set: status entered-in-error. Nothing is deleted.

    The command searches the FHIR server (ONCOFHIR_FHIR__BASE_URL) for documents whose last run used the
    model or prompt set, and prints one JSON object per document. Resources that a human edited are kept and
    named. The retracted rows are published if ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS is set. The command is
    idempotent: run it again after an interruption. A later run of another model, or of the next version
    of a report, makes the findings current again that it confirms.

    Examples:
        oncofhir retract --model DIGEST --dry-run
        oncofhir retract --prompt-set cancerllm@1 --since 2026-11-20

    Exit status: 0 retracted; 1 no such finding, or some could not be retracted; 2 wrong usage or settings;
    3 the FHIR server or the broker is unreachable.
    """
    from oncofhir.fhir.store.recall import RecallFilter
    from oncofhir.schemas.errors import OncofhirError
    from oncofhir.settings import SettingsError, WriteMode

    if not model and not prompt_set:
        fail("--model DIGEST or --prompt-set NAME@VERSION is needed", ExitStatus.WRONG_USAGE)
    if prompt_set and "@" not in prompt_set:
        fail("--prompt-set needs a version: NAME@VERSION", ExitStatus.WRONG_USAGE)
    recalled = RecallFilter(model=_digest(model), prompt_set=prompt_set, since=_moment(since))
    settings = settings_or_exit()
    if settings.fhir.write is WriteMode.SHADOW and not dry_run:
        fail(
            "ONCOFHIR_FHIR__WRITE is shadow: nothing may be written; use --dry-run",
            ExitStatus.WRONG_USAGE,
        )
    try:
        counts = asyncio.run(_run(settings, recalled, dry_run=dry_run))
    except (OncofhirError, SettingsError) as error:
        exit_with_error(error, "run it again to continue")
    _end(counts)


def _digest(model: str | None) -> str | None:
    """Return a digest as it is stored: without the name of its algorithm.

    0.1.0 wrote "unknown" or a path for a server that did not identify its weights. Neither names one model.
    """
    if model is None:
        return None
    if model == "unknown" or model.startswith(("/", "./", "~")):
        fail(
            f"--model {model}: not a digest. Findings of every server that reported none would be withdrawn. "
            "Use --prompt-set NAME@VERSION with --since TIME, or --model undetermined:NAME for findings "
            "that a model of that name wrote without a digest",
            ExitStatus.WRONG_USAGE,
        )
    return model.removeprefix("sha256:").removeprefix("sha256-")


def _moment(since: str | None) -> datetime | None:
    if since is None:
        return None
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        fail("--since needs a date or a time such as 2026-11-20T10:00:00Z", ExitStatus.WRONG_USAGE)
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
        # All heads first: what is withdrawn moves between the pages of a running search.
        tasks = [task async for task, _ in find_heads(client, systems, recalled)]
        note(pluralize(len(tasks), "document"))
        async with RecallPublisher(settings.kafka) as publisher:
            if not publisher.publishes and not dry_run:
                note("ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS is not set; no rows are published")
            async for result in map_ordered(one, tasks, fhir.max_connections):
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
                    note(f"{counts['documents']} of {len(tasks)}")
    finally:
        await client.aclose()
    return counts


def _end(counts: Counter[str]) -> None:
    summary = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    note(summary or "no document has such findings")
    if not counts["documents"] or counts["failed"]:
        raise typer.Exit(ExitStatus.WRONG_RESULT)
