"""Records of an output topic, checked for their contract's version and decoded to JSON text."""

from dataclasses import dataclass, field

from oncofhir.contracts.registry.row_decoder import RowDecoder, UnknownSchema
from oncofhir.contracts.version import MAJOR_VERSION, SCHEMA_HEADER, major_version_of


class NewerMajorVersion(Exception):
    """A row of a newer major version of the contract. The message names the record and the remedy."""


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """A record of an output topic. Key and value hold identifiers and are kept out of `repr`."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes | None], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class StagedRecord:
    """A record whose value is JSON text; None for a tombstone, "" for a value that cannot be decoded."""

    partition: int
    offset: int
    key: str = field(repr=False)
    value: str | None = field(repr=False)


class UndecodableRow(Exception):
    """A row in Avro whose schema is not to be had. The message names the record and the remedy."""


def staged(record: TopicRecord, decoder: RowDecoder) -> StagedRecord:
    """Return the record for staging; a value that cannot be decoded is staged as "" and rejected there.

    Raises:
        NewerMajorVersion: it was written by a newer major version.
        UndecodableRow: it says that it is a row, and no registry has its schema.
        DependencyUnavailable, AccessDenied, UnsuitableServer, SettingsError: as the registry.
    """
    is_row = _has_supported_version(record)
    key = (record.key or b"").decode(errors="replace")
    if record.value is None:
        return StagedRecord(record.partition, record.offset, key, None)
    try:
        text = decoder.json(record.value).decode()
    except UnknownSchema as error:
        if is_row:  # else it is somebody else's record
            raise UndecodableRow(
                f"record {_position(record)} is a row in Avro and {error}: set "
                "ONCOFHIR_KAFKA__SCHEMA_REGISTRY_URL to the registry that the worker uses and run the "
                "command again; it resumes at this record"
            ) from error
        text = ""
    except ValueError:
        text = ""
    return StagedRecord(record.partition, record.offset, key, text)


def _has_supported_version(record: TopicRecord) -> bool:
    """Return whether a header names the contract's version; refuse a newer one."""
    for name, value in record.headers:
        if name == SCHEMA_HEADER:
            if major_version_of(value) > MAJOR_VERSION:
                raise NewerMajorVersion(
                    f"record {_position(record)} was written by a newer major version of oncofhir. Upgrade "
                    "this installation and run the command again; it resumes at this record"
                )
            return True
    return False


def _position(record: TopicRecord) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"
