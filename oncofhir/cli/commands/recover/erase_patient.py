"""Finds and erases one patient in the store, the topics and the landed tables."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from oncofhir.cli.exit_status import ExitStatus, fail
from oncofhir.cli.output import note

if TYPE_CHECKING:
    from oncofhir.consumers.erasure.rows import PatientRows
    from oncofhir.fhir.erasure.erase import ErasedCounts
    from oncofhir.fhir.erasure.find import PatientResources
    from oncofhir.settings import Settings

log = structlog.get_logger(__name__)


async def erase_patient(
    settings: "Settings",
    patient: str,
    reports: frozenset[str],
    duckdb: Path | None,
    delta: str | None,
    *,
    dry_run: bool,
) -> dict[str, Any]:
    """Find everything first. Then erase rows and tables, and the store last: its heads lead to the rest."""
    from oncofhir.consumers.composition import pipeline as composition
    from oncofhir.settings import WriteMode

    if duckdb is not None or delta is not None:
        _require_warehouse()
    fhir = settings.fhir
    client = composition.build_fhir_client(fhir, fhir.base_url, fhir.credentials)
    try:
        reports |= await _reports_at_the_source(settings, patient)
        found = await _resources(settings, client, patient, reports)
        missing = await asyncio.to_thread(_missing_topics, settings)
        rows = await asyncio.to_thread(_rows, settings, patient, found, reports, missing)
        if rows is not None:  # rows name reports whose head has no subject
            reports |= rows.reports
            found = await _resources(settings, client, patient, reports)
        documents = found.documents | (rows.documents if rows else frozenset())
        reports |= found.reports
        letters = await asyncio.to_thread(_dead_letters, settings, patient, reports, missing)
        if rows is not None and not dry_run:
            await _publish_tombstones(settings, rows)
        tables = _tables(duckdb, delta, patient, documents, reports, dry_run=dry_run)
        erased = None
        if not dry_run and fhir.write is not WriteMode.SHADOW:
            erased = await _erase(settings, client, found)
    finally:
        await client.aclose()
    refused = erased.refused if erased else 0
    summary = {
        "dry_run": dry_run,
        "complete": None if dry_run else not refused and not letters,
        "store": {
            "documents": len(found.heads),
            "resources": sum(map(len, found.groups)),
            "edited_by_people": found.edited,
            "types_not_searched": found.unsearched,
            **(erased.model_dump() if erased else {}),
        },
        "topics": None
        if rows is None
        else {"phenotypes": len(rows.phenotypes), "outcomes": len(rows.outcomes)},
        "missing_topics": sorted(missing),
        "dead_letters": letters,
        "tables": tables,
    }
    counts = {"resources": sum(map(len, found.groups)), "dead_letters": len(letters or ())}
    log.info(
        "patient data counted" if dry_run else "patient data erased", refused=refused, **counts
    )
    return summary


async def _reports_at_the_source(settings: "Settings", patient: str) -> frozenset[str]:
    from oncofhir.consumers.composition import pipeline as composition
    from oncofhir.fhir.erasure.find import find_reports
    from oncofhir.schemas.errors import RequestRejected

    fhir = settings.fhir
    base_url = fhir.source_base_url or fhir.base_url
    credentials = fhir.source_credentials if fhir.source_base_url else fhir.credentials
    client = composition.build_fhir_client(fhir, base_url, credentials)
    try:
        return await find_reports(client, patient)
    except RequestRejected:
        log.warning("the source does not search reports by patient; name them with --report")
        return frozenset()
    finally:
        await client.aclose()


async def _resources(
    settings: "Settings", client: Any, patient: str, reports: Collection[str]
) -> "PatientResources":
    from oncofhir.fhir.erasure.find import find_resources
    from oncofhir.fhir.identifiers import IdentifierSystems
    from oncofhir.fhir.source_references import SourceReferences

    fhir = settings.fhir
    return await find_resources(
        client,
        IdentifierSystems(prefix=fhir.identifier_system),
        SourceReferences(form=fhir.references, base_url=fhir.source_base_url or fhir.base_url),
        fhir.source_name,
        patient,
        reports,
    )


def _has_broker(settings: "Settings") -> bool:
    return "bootstrap_servers" in settings.kafka.model_fields_set


def _missing_topics(settings: "Settings") -> frozenset[str]:
    """Topics of the settings that do not exist: they hold nothing of the patient, or have another name."""
    from oncofhir.consumers.kafka.topics import missing_topics

    if not _has_broker(settings):
        return frozenset()
    kafka = settings.kafka
    variables = {
        kafka.phenotype_topic: "PHENOTYPE_TOPIC",
        kafka.outcome_topic: "OUTCOME_TOPIC",
        kafka.dead_letter_topic: "DEAD_LETTER_TOPIC",
    }
    missing = missing_topics(variables.keys(), kafka)
    for topic in sorted(missing):
        note(
            f"the topic {topic} does not exist, so it holds nothing of the patient; if it has "
            f"another name, set ONCOFHIR_KAFKA__{variables[topic]} and run it again"
        )
    return missing


def _rows(
    settings: "Settings",
    patient: str,
    found: "PatientResources",
    reports: Collection[str],
    missing: Collection[str],
) -> "PatientRows | None":
    from oncofhir.consumers.erasure.rows import find_rows
    from oncofhir.consumers.kafka.bounded_reader import bounded_reader

    if not _has_broker(settings):
        note("ONCOFHIR_KAFKA__BOOTSTRAP_SERVERS is not set; topics are left out")
        return None
    with bounded_reader(settings.kafka) as reader:
        return find_rows(
            reader,
            settings.kafka,
            patient,
            documents=found.documents,
            reports=found.reports | set(reports),
            missing=missing,
        )


def _dead_letters(
    settings: "Settings", patient: str, reports: Collection[str], missing: Collection[str]
) -> list[dict[str, Any]] | None:
    from oncofhir.consumers.erasure.dead_letters import find_dead_letters
    from oncofhir.consumers.kafka.bounded_reader import bounded_reader

    if not _has_broker(settings):
        return None
    if settings.kafka.dead_letter_topic in missing:
        return []
    with bounded_reader(settings.kafka) as reader:
        letters = find_dead_letters(reader, settings.kafka.dead_letter_topic, patient, reports)
    return [letter.model_dump(mode="json") for letter in letters]


async def _publish_tombstones(settings: "Settings", rows: "PatientRows") -> None:
    from oncofhir.consumers.kafka.publisher import Publisher

    async with Publisher(settings.kafka) as publisher:
        await publisher.publish(rows.tombstones(settings.kafka))


def _require_warehouse() -> None:
    """Exit before anything is erased where the extra is missing."""
    try:
        import oncofhir.warehouse.erasure.delta_erasure
        import oncofhir.warehouse.erasure.duckdb_erasure  # noqa: F401
    except ModuleNotFoundError as error:
        from oncofhir.settings.extras import install_hint

        fail(f"{error.name} is not installed. {install_hint('warehouse')}", ExitStatus.WRONG_USAGE)


def _tables(
    duckdb: Path | None,
    delta: str | None,
    patient: str,
    documents: Collection[str],
    reports: Collection[str],
    *,
    dry_run: bool,
) -> dict[str, int] | None:
    if duckdb is None and delta is None:
        return None
    from oncofhir.warehouse.erasure.delta_erasure import erase_from_delta
    from oncofhir.warehouse.erasure.duckdb_erasure import erase_from_duckdb
    from oncofhir.warehouse.landing.landing import LandingError

    counts: dict[str, int] = {}
    try:
        if duckdb is not None:
            counts |= erase_from_duckdb(duckdb, patient, documents, reports, dry_run=dry_run)
        if delta is not None:
            found = erase_from_delta(delta, patient, documents, reports, dry_run=dry_run)
            counts |= {f"delta.{name}": count for name, count in found.items()}
    except LandingError as error:
        fail(str(error), ExitStatus.UNREACHABLE)
    return counts


async def _erase(settings: "Settings", client: Any, found: "PatientResources") -> "ErasedCounts":
    from oncofhir.fhir.erasure.erase import erase as erase_resources
    from oncofhir.settings import Transactions

    allowed = settings.fhir.transactions is not Transactions.NEVER
    return await erase_resources(client, found, transactions=allowed)
