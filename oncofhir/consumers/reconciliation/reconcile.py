"""Reads input records, outcomes, dead letters and document states of a time range into a ledger.

Read-only: nothing is written, no group is joined, and no content is kept.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from oncofhir.consumers.dead_letters.store import parse_dead_letter
from oncofhir.consumers.envelopes.decode import decode
from oncofhir.consumers.kafka.bounded_reader import BoundedReader
from oncofhir.consumers.kafka.records import Coordinates
from oncofhir.consumers.reconciliation.ledger import Discrepancy, Ledger, Problem
from oncofhir.contracts.registry.row_decoder import RowDecoder
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.rest.client import FhirClient
from oncofhir.fhir.rest.paging import search_pages
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.head import Head
from oncofhir.fhir.store.head_task import from_task
from oncofhir.schemas.errors import RequestRejected, UnreadableReport
from oncofhir.schemas.event import Operation, ReportEvent
from oncofhir.schemas.outcome import OutcomeRow
from oncofhir.settings import Hl7v2Settings, KafkaSettings

_PAGE = "100"
_SOURCE = "oncofhir-source-"

Progress = Callable[[str], None]


def read_topics(
    reader: BoundedReader,
    kafka: KafkaSettings,
    since: datetime | None,
    until: datetime | None,
    progress: Progress,
    hl7v2: Hl7v2Settings | None = None,
) -> Ledger:
    """Read the records published from `since` on and before `until`, and what accounts for them. Blocking.

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: as the broker answers.
        UnsuitableServer, SettingsError: the schema registry, where rows are Avro.
    """
    ledger = Ledger()
    since_ms = None if since is None else _ms(since)
    until_ms = None if until is None else _ms(until)
    for topic in kafka.input_topics:
        before = ledger.counts["records"]
        for record in reader.read_to_end(topic, since_ms):
            is_old = since_ms is not None and record.timestamp < since_ms
            if not is_old and (until_ms is None or record.timestamp < until_ms):
                _add_record(ledger, record, hl7v2)
        progress(f"{topic}, records: {ledger.counts['records'] - before}")
    # The output of a record was published after it.
    decoder = RowDecoder.of(kafka)
    for record in reader.read_to_end(kafka.outcome_topic, since_ms):
        _add_outcome(ledger, record, decoder)
    for record in reader.read_to_end(kafka.dead_letter_topic, since_ms):
        letter = parse_dead_letter(record)
        if letter is not None:
            ledger.dead_letter(
                Coordinates(letter.topic, letter.source_partition, letter.source_offset)
            )
    return ledger


def _add_record(ledger: Ledger, record: Any, hl7v2: Hl7v2Settings | None) -> None:
    at = Coordinates(record.topic, record.partition, record.offset)
    headers = [(name, value or b"") for name, value in record.headers]
    try:
        events = decode(record.value, headers, record.topic, hl7v2)
    except UnreadableReport:
        ledger.record(at, record.timestamp, [str(at)])
        return
    ledger.record(at, record.timestamp, [event.source.unversioned for event in events])
    for event in events:
        version = version_announced(event)
        if version is not None:
            ledger.event(event.source.unversioned, version, at)


def version_announced(event: ReportEvent) -> SourceVersion | None:
    """Return the version that an event carries. None where it must be fetched, or is a deletion."""
    resource = event.resource
    if resource is None or event.operation is Operation.DELETE:
        return None
    meta = resource.get("meta")
    said = meta.get("lastUpdated") if isinstance(meta, dict) else None
    try:
        return SourceVersion(
            version=event.source.version,
            last_updated=said if isinstance(said, str) else None,
            status=resource.get("status") or "final",
        )
    except ValidationError:
        return None


def _add_outcome(ledger: Ledger, record: Any, decoder: RowDecoder) -> None:
    try:
        row = OutcomeRow.model_validate_json(decoder.json(record.value or b""))
    except ValueError:
        ledger.counts["foreign"] += 1
        return
    ledger.outcome(_source_coordinates(dict(record.headers)), row.source, row.source_version)


def _source_coordinates(headers: dict[str, bytes]) -> Coordinates | None:
    try:
        topic, partition, offset = (
            headers[_SOURCE + part].decode() for part in ("topic", "partition", "offset")
        )
        return Coordinates(topic, int(partition), int(offset))
    except (KeyError, ValueError):
        return None


async def heads_written(
    client: FhirClient, systems: IdentifierSystems, since: datetime | None
) -> AsyncIterator[Head | None]:
    """The heads that were written from `since` on; None for one whose state cannot be read.

    Raises:
        DependencyUnavailable, AccessDenied, RequestRejected: as the store answers.
    """
    params = {"_count": _PAGE}
    if since is not None:
        params["_lastUpdated"] = f"ge{since.astimezone(UTC).isoformat(timespec='seconds')}"
    async for tasks in search_pages(client, "Task", params):
        for task in tasks:
            named = {identifier.get("system") for identifier in task.get("identifier", ())}
            if systems.document not in named:
                continue
            try:
                yield from_task(task)
            except RequestRejected:
                yield None


def check_head(
    ledger: Ledger, head: Head, now: datetime, late_seconds: float
) -> Iterator[Discrepancy]:
    """Yield the problem of a document: abandoned, of an older version, or not published."""
    age = max(0, int((now - head.outcome.recorded).total_seconds()))
    if head.is_reservation:
        problem = Problem.IN_PROGRESS_ABANDONED if age >= late_seconds else None
    else:
        said = (head.outcome.source, head.outcome.source_version)
        problem = ledger.head(head.source.unversioned, head.version, said)
        if problem is Problem.UNPUBLISHED and age < late_seconds:
            problem = None
    if problem is not None:
        yield Discrepancy(problem=problem, document=head.document, age_seconds=age)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
