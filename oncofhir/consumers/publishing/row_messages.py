"""Rows as messages: what a warehouse reads from the phenotype and outcome topics."""

from collections.abc import Iterable
from datetime import UTC, datetime

from oncofhir import __version__
from oncofhir.consumers.kafka.publisher import Message
from oncofhir.consumers.kafka.records import SourceRecord
from oncofhir.contracts.version import schema_header
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow, Processed
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import KafkaSettings

_JSON = ("content-type", b"application/json")

_CHANGES_NOTHING = frozenset(
    {OutcomeStatus.OLDER_VERSION_IGNORED, OutcomeStatus.DUPLICATE_RESOURCE}
)

RowHeaders = tuple[tuple[str, bytes], ...]


def row_headers(record: SourceRecord) -> RowHeaders:
    """Return the headers of a row: the coordinates of its record, and the software's version."""
    at = record.coordinates
    return (
        _JSON,
        ("oncofhir-source-topic", at.topic.encode()),
        ("oncofhir-source-partition", str(at.partition).encode()),
        ("oncofhir-source-offset", str(at.offset).encode()),
        ("oncofhir-version", __version__.encode()),
    )


def own_headers() -> RowHeaders:
    """Return the headers of a row without an input record: the software's version."""
    return (_JSON, ("oncofhir-version", __version__.encode()))


def phenotype_messages(
    processed: Processed, record: SourceRecord, settings: KafkaSettings
) -> list[Message]:
    """Build one message per finding, with the finding as its key."""
    return finding_messages(processed.rows, settings, row_headers(record))


def outcome_message(row: OutcomeRow, record: SourceRecord, settings: KafkaSettings) -> Message:
    """Build the message of a document version's outcome.

    The key is the document. If the version changes nothing, it is document, resource and version (without
    one, the record's coordinates): compaction keeps the last row of a key, and must keep the one in force.
    """
    key = row.document
    if row.status in _CHANGES_NOTHING:
        key = f"{key}|{row.source}|{row.source_version or record.coordinates}"
    return _outcome(row, settings, row_headers(record), key)


def processed_messages(
    processed: Processed, settings: KafkaSettings, headers: RowHeaders
) -> list[Message]:
    """Build the messages of the findings and of the outcome, with the same headers."""
    findings = finding_messages(processed.rows, settings, headers)
    outcome = processed.outcome
    return [*findings, _outcome(outcome, settings, headers, outcome.document)]


def finding_messages(
    rows: Iterable[PhenotypeRow], settings: KafkaSettings, headers: RowHeaders
) -> list[Message]:
    """Build one message per finding, with the finding as its key."""
    return [
        Message(
            settings.phenotype_topic,
            row.finding.encode(),
            _published(row, settings).model_dump_json(ensure_ascii=True).encode(),
            (*headers, schema_header("phenotype")),
        )
        for row in rows
    ]


def _outcome(row: OutcomeRow, settings: KafkaSettings, headers: RowHeaders, key: str) -> Message:
    return Message(
        settings.outcome_topic,
        key.encode(),
        row.model_dump_json(ensure_ascii=True).encode(),
        (*headers, schema_header("outcome")),
    )


def _published(row: PhenotypeRow, settings: KafkaSettings) -> PhenotypeRow:
    """Return the row as it is published: without the quoted words, unless the site publishes them."""
    if settings.evidence_text:
        return row
    evidence = tuple(e.model_copy(update={"text": None}) for e in row.evidence)
    return row.model_copy(update={"evidence": evidence})


def dead_lettered(
    source: SourceReference | None, reason: Reason, record: SourceRecord
) -> OutcomeRow:
    """Build the outcome of a dead-lettered report; `source` is None if the report is unknown.

    Its revision is the record's timestamp, so that a redelivered record gives the same row.
    """
    named = source.unversioned if source is not None else str(record.coordinates)
    return OutcomeRow(
        document=named,
        revision=max(0, record.timestamp),
        status=OutcomeStatus.DEAD_LETTERED,
        reason=reason.value,
        source=named,
        source_version=source.version if source is not None else None,
        software=__version__,
        recorded=datetime.now(UTC),
    )
