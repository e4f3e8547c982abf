"""Messages of the AsyncAPI document: headers, payload, key and an example of each."""

from typing import Any

from pydantic import BaseModel

from oncofhir.contracts.catalog import MODELS, published
from oncofhir.contracts.dead_letter_headers import DeadLetterHeaders
from oncofhir.contracts.examples import dead_letter_headers
from oncofhir.contracts.json_schema import json_schema
from oncofhir.contracts.kinds import Contract, Format
from oncofhir.contracts.version import MAJOR_VERSION, SCHEMA_HEADER
from oncofhir.settings import RowFormat

KAFKA_BINDING = "0.5.0"
_CONTENT_TYPES = {RowFormat.JSON: "application/json", RowFormat.AVRO: "application/avro"}
_AVRO_SCHEMA = "application/vnd.apache.avro+json;version=1.9.0"
_TOMBSTONE = (
    "A null value is a tombstone: delete the row of the key. A tombstone may come without headers."
)
# Kafka bindings of AsyncAPI, 0.5.0, message binding object.
_REGISTRY_FRAMING = {
    "schemaIdLocation": "payload",
    "schemaIdPayloadEncoding": "confluent",
    "schemaLookupStrategy": "TopicNameStrategy",
}


def report_message() -> dict[str, Any]:
    """Return the message of the input topics."""
    return {
        "name": "report",
        "title": "A report event",
        "summary": (
            "A FHIR R4, R4B or R5 DiagnosticReport or DocumentReference: the resource alone, in a Bundle, in "
            "a subscription notification, in a CloudEvent (structured or binary mode), or as a reference."
        ),
        "contentType": "application/fhir+json",
        "headers": {"type": "object", "properties": _REPORT_HEADERS},
        "payload": {
            "type": "object",
            "description": "The resource or the envelope, as JSON in UTF-8.",
        },
        "bindings": _key("Free; `DiagnosticReport/1` keeps a report's events in one partition."),
        "examples": _REPORT_EXAMPLES,
    }


def row_message(
    contract: Contract, summary: str, key: str, example: BaseModel, row_format: RowFormat
) -> dict[str, Any]:
    """Return the message of a row: its payload as JSON Schema, or as Avro where rows are Avro."""
    name = contract.value
    is_avro = row_format is RowFormat.AVRO
    payload: dict[str, Any] = {
        "schemaFormat": _AVRO_SCHEMA,
        "schema": published(contract, Format.AVRO),
    }
    if not is_avro:
        schema = json_schema(MODELS[contract], name)
        payload = _resolvable(
            {k: v for k, v in schema.items() if k not in {"$schema", "$id"}}, name
        )
    return {
        "name": name,
        "summary": summary,
        "description": _TOMBSTONE,
        "contentType": _CONTENT_TYPES[row_format],
        "headers": _row_headers(name, _CONTENT_TYPES[row_format]),
        "payload": payload,
        "bindings": _key(key, _REGISTRY_FRAMING if is_avro else {}),
        "examples": [
            {
                "name": f"{name}Example",
                "headers": {
                    "content-type": _CONTENT_TYPES[row_format],
                    SCHEMA_HEADER: f"{name}/{MAJOR_VERSION}",
                    "oncofhir-version": "0.2.0",
                },
                "payload": example.model_dump(mode="json"),
            }
        ],
    }


def dead_letter_message() -> dict[str, Any]:
    """Return the message of the dead-letter topic."""
    schema = json_schema(DeadLetterHeaders, Contract.DEAD_LETTER.value)
    return {
        "name": "deadLetter",
        "summary": "The original key, value and headers, and the headers of oncofhir.",
        "contentType": "application/octet-stream",
        "headers": {k: v for k, v in schema.items() if k not in {"$schema", "$id"}},
        "payload": {
            "description": "The original value, unchanged, of any bytes; null where it was null."
        },
        "bindings": {
            "kafka": {
                "key": {"description": "The original key, unchanged."},
                "bindingVersion": KAFKA_BINDING,
            }
        },
        "examples": [
            {
                "name": "deadLetterExample",
                "headers": dead_letter_headers().model_dump(by_alias=True, exclude_none=True),
                "payload": "the original value",
            }
        ],
    }


def _key(description: str, framing: dict[str, str] | None = None) -> dict[str, Any]:
    key = {"type": "string", "description": description}
    return {"kafka": {"key": key, **(framing or {}), "bindingVersion": KAFKA_BINDING}}


def _row_headers(name: str, content_type: str) -> dict[str, Any]:
    """Describe the headers of a row. Those of the source are absent where no record asked for the row."""
    return {
        "type": "object",
        "description": "The value of each header is UTF-8 text.",
        "required": ["content-type", SCHEMA_HEADER, "oncofhir-version"],
        "properties": {
            SCHEMA_HEADER: {"type": "string", "const": f"{name}/{MAJOR_VERSION}"},
            "content-type": {"type": "string", "const": content_type},
            "oncofhir-version": _text("Version of the software that sent the row."),
            "oncofhir-source-topic": _text(
                "Topic of the record that the row is about; absent, as partition and offset, where no "
                "record asked for it, for example after `oncofhir retract`."
            ),
            "oncofhir-source-partition": _number("Partition of that record."),
            "oncofhir-source-offset": _number("Offset of that record."),
            "traceparent": _text(
                "W3C Trace Context: the worker's span, or the report's where traces are off."
            ),
            "tracestate": _text("As traceparent, of vendors."),
        },
    }


def _text(description: str) -> dict[str, str]:
    return {"type": "string", "description": description}


def _number(description: str) -> dict[str, str]:
    return {"type": "string", "pattern": "^[0-9]+$", "description": description}


def _resolvable(schema: Any, message: str) -> Any:
    """Point references to the schema's definitions at their address in the document."""
    if isinstance(schema, dict):
        return {
            key: (
                value.replace("#/$defs/", f"#/components/messages/{message}/payload/$defs/")
                if key == "$ref" and isinstance(value, str)
                else _resolvable(value, message)
            )
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_resolvable(value, message) for value in schema]
    return schema


_REPORT_HEADERS = {
    "content-type": _text("application/fhir+json or application/json."),
    "ce_specversion": _text("1.0, in CloudEvents' binary mode."),
    "ce_id": _text("Identity of the event; not read."),
    "ce_source": _text("Who sent the event; not read."),
    "ce_type": _text("What happened; a type that ends with delete retracts the report."),
    "ce_subject": _text("Reference of the resource: DiagnosticReport/1."),
    "traceparent": _text("W3C Trace Context; carried on to the rows."),
    "tracestate": _text("W3C Trace Context of vendors; carried on with traceparent."),
}
_REPORT_EXAMPLES = [
    {
        "name": "resource",
        "payload": {
            "resourceType": "DiagnosticReport",
            "id": "1",
            "meta": {"versionId": "1", "lastUpdated": "2026-11-27T08:00:00Z"},
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "60568-3"}]},
            "subject": {"reference": "Patient/1"},
            "presentedForm": [{"contentType": "text/plain", "data": "RHVjdGFsIGNhcmNpbm9tYS4="}],
        },
    },
    {
        "name": "cloudEvent",
        "summary": "CloudEvents' binary mode: the attributes are headers, the value is the resource.",
        "headers": {
            "content-type": "application/fhir+json",
            "ce_specversion": "1.0",
            "ce_id": "1",
            "ce_source": "/ehr",
            "ce_type": "org.example.fhir.update",
            "ce_subject": "DiagnosticReport/1",
        },
        "payload": {"resourceType": "DiagnosticReport", "id": "1", "status": "final"},
    },
]
