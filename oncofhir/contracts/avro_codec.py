"""Rows in Avro's binary encoding."""

import math
from datetime import datetime
from enum import Enum
from io import BytesIO
from typing import Any

import fastavro
from pydantic import BaseModel

# What fastavro raises for bytes that a schema did not write.
_UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
    fastavro.read.SchemaResolutionError,
)


def parsed(schema: dict[str, Any]) -> Any:
    """Return the schema as `encode` and `decode` take it, parsed once.

    Raises:
        ValueError: it is no Avro schema.
    """
    try:
        return fastavro.parse_schema(schema)
    except (fastavro.schema.SchemaParseException, LookupError, TypeError, ValueError) as error:
        raise ValueError("not an Avro schema") from error


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
    """Return the record that was written with one schema, as another one reads it; as JSON's types.

    Raises:
        ValueError: it is not such a record.
    """
    try:
        record: Any = fastavro.schemaless_reader(BytesIO(data), writer, reader)
        fields = dict(record)
        return {str(name): _json_value(value) for name, value in fields.items()}
    except _UNREADABLE as error:
        raise ValueError("not a record of its schema") from error


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): _json_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not a finite number")
    if isinstance(value, str | int | float | None):
        return value
    raise ValueError("a type that JSON does not have")
