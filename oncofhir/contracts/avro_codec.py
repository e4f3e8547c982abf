"""Rows in Avro's binary encoding."""

from datetime import datetime
from enum import Enum
from io import BytesIO
from typing import Any

import fastavro
from pydantic import BaseModel


def avro_record(row: BaseModel) -> dict[str, Any]:
    """Return the row as fastavro writes it: values of enums as text, times as datetime."""
    return {name: _plain(value) for name, value in row.model_dump().items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def encode(row: BaseModel, schema: Any) -> bytes:
    """Return the row in Avro's binary encoding, without the schema."""
    buffer = BytesIO()
    fastavro.schemaless_writer(buffer, schema, avro_record(row))
    return buffer.getvalue()


def decode(data: bytes, writer: Any, reader: Any | None = None) -> dict[str, Any]:
    """Return the record that was written with one schema, as another one reads it.

    Raises:
        ValueError, EOFError, fastavro.read.SchemaResolutionError: it is not such a record.
    """
    record = fastavro.schemaless_reader(BytesIO(data), writer, reader)
    fields = record if isinstance(record, dict) else {}
    return {key: _text(value) for key, value in fields.items()}


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
