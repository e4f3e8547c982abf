"""Records of an output topic, checked for their contract's version and decoded to JSON text."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oncofhir.contracts.version import MAJOR_VERSION, SCHEMA_HEADER, major_version_of

AVRO_MAGIC = b"\0"
"""The first byte of a value in a Confluent-compatible registry's framing."""

AvroDecoder = Callable[[bytes], dict[str, Any]]


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


def staged(record: TopicRecord, avro: AvroDecoder | None = None) -> StagedRecord:
    """Return the record for staging; a value that cannot be decoded is staged as "" and rejected there.

    Raises:
        NewerMajorVersion: it was written by a newer major version.
    """
    _refuse_newer_version(record)
    key = (record.key or b"").decode(errors="replace")
    return StagedRecord(record.partition, record.offset, key, _json_text(record.value, avro))


def _json_text(value: bytes | None, avro: AvroDecoder | None) -> str | None:
    if value is None:
        return None
    try:
        if value[:1] == AVRO_MAGIC:
            return json.dumps(avro(value)) if avro is not None else ""
        return value.decode()
    except (ValueError, EOFError):
        return ""


def _refuse_newer_version(record: TopicRecord) -> None:
    for name, value in record.headers:
        if name == SCHEMA_HEADER and major_version_of(value) > MAJOR_VERSION:
            at = f"{record.topic}/{record.partition}/{record.offset}"
            raise NewerMajorVersion(
                f"record {at} was written by a newer major version of oncofhir. Upgrade this installation "
                "and run the command again; it resumes at this record"
            )
