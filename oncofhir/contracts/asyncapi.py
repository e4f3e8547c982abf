"""AsyncAPI 3 document of the topics: keys, headers, payloads, retention and compaction, with examples."""

from collections.abc import Mapping
from typing import Any

from oncofhir.contracts.dead_letter_headers import DeadLetterHeaders
from oncofhir.contracts.examples import dead_letter_headers, outcome_row, phenotype_row
from oncofhir.contracts.json_schema import json_schema
from oncofhir.contracts.version import MAJOR_VERSION, SCHEMA_HEADER
from oncofhir.schemas.outcome import OutcomeRow, PhenotypeRow
from oncofhir.settings import KafkaSettings

VERSION = "3.0.0"
_KAFKA_BINDING = "0.5.0"
_TEXT = {"type": "string"}


def asyncapi(settings: KafkaSettings, version: str) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document for topics of these names (AsyncAPI specification 3.0.0).

    `version` is that of the software. Operations are from the service's side: it receives reports and sends
    rows, outcomes and dead letters.
    """
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "oncofhir topics",
            "version": f"{MAJOR_VERSION}.0.0",
            "description": (
                f"Topics of oncofhir {version}. Within a major version new fields, values and headers may "
                "appear and none disappears: consumers ignore what they do not know."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "diagnosticReport": _input(settings.diagnostic_report_topic, "DiagnosticReport"),
            "documentReference": _input(settings.document_reference_topic, "DocumentReference"),
            "phenotypes": _channel(
                settings.phenotype_topic,
                "One message per finding and revision, keyed by finding. Keep the highest revision per key.",
                {"phenotype": {"$ref": "#/components/messages/phenotype"}},
                compacted=True,
            ),
            "outcomes": _channel(
                settings.outcome_topic,
                "One message per document and version: the denominators. Keyed by the document; a version "
                "that changes nothing is keyed by document, resource and version, joined by '|'.",
                {"outcome": {"$ref": "#/components/messages/outcome"}},
                compacted=True,
            ),
            "deadLetters": _channel(
                settings.dead_letter_topic,
                "Records that could not be processed, byte for byte, with headers that say why. The topic "
                "holds PHI: restrict it like the input topics, and set its retention to the time that "
                "operators need to replay.",
                {"deadLetter": {"$ref": "#/components/messages/deadLetter"}},
                compacted=False,
            ),
        },
        "operations": {
            "receiveDiagnosticReports": _operation("receive", "diagnosticReport"),
            "receiveDocumentReferences": _operation("receive", "documentReference"),
            "sendPhenotypes": _operation("send", "phenotypes"),
            "sendOutcomes": _operation("send", "outcomes"),
            "sendDeadLetters": _operation("send", "deadLetters"),
        },
        "components": {
            "messages": {
                "report": _report(),
                "phenotype": _row(
                    "phenotype",
                    "The finding's identity: the column `finding`.",
                    json_schema(PhenotypeRow, "phenotype"),
                    phenotype_row().model_dump(mode="json"),
                ),
                "outcome": _row(
                    "outcome",
                    "The document's identity, or document|resource|version.",
                    json_schema(OutcomeRow, "outcome"),
                    outcome_row().model_dump(mode="json"),
                ),
                "deadLetter": _dead_letter(),
            }
        },
    }


def _channel(
    topic: str, description: str, messages: Mapping[str, Any], *, compacted: bool
) -> dict[str, Any]:
    policy = ["compact"] if compacted else ["delete"]
    return {
        "address": topic,
        "description": description,
        "messages": dict(messages),
        "bindings": {
            "kafka": {
                "topic": topic,
                "topicConfiguration": {"cleanup.policy": policy},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _input(topic: str, resource_type: str) -> dict[str, Any]:
    return _channel(
        topic,
        f"Events of {resource_type} resources, published by the EHR or a bridge.",
        {"report": {"$ref": "#/components/messages/report"}},
        compacted=False,
    )


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _report() -> dict[str, Any]:
    return {
        "name": "report",
        "title": "A report event",
        "summary": (
            "A FHIR R4, R4B or R5 DiagnosticReport or DocumentReference: bare, in a Bundle, in a "
            "subscription notification, in a CloudEvent (structured or binary mode), or as a reference."
        ),
        "contentType": "application/fhir+json",
        "headers": {
            "type": "object",
            "properties": {
                "content-type": {
                    "type": "string",
                    "description": "application/fhir+json or application/json.",
                },
                "ce_specversion": {
                    "type": "string",
                    "description": "1.0, in CloudEvents' binary mode.",
                },
                "ce_type": {
                    "type": "string",
                    "description": "What happened; a type that ends with delete retracts the report.",
                },
                "ce_subject": {
                    "type": "string",
                    "description": "Reference of the resource: DiagnosticReport/1.",
                },
                "traceparent": {
                    "type": "string",
                    "description": "W3C Trace Context; carried on to the rows.",
                },
                "tracestate": {
                    "type": "string",
                    "description": "W3C Trace Context of vendors; carried on with traceparent.",
                },
            },
        },
        "payload": {
            "type": "object",
            "description": "The resource or the envelope, as JSON in UTF-8.",
        },
        "bindings": {
            "kafka": {
                "key": {
                    "type": "string",
                    "description": "Free; `DiagnosticReport/1` keeps a report's events in one partition.",
                },
                "bindingVersion": _KAFKA_BINDING,
            }
        },
        "examples": [
            {
                "name": "bareResource",
                "payload": {
                    "resourceType": "DiagnosticReport",
                    "id": "1",
                    "meta": {"versionId": "1", "lastUpdated": "2026-11-27T08:00:00Z"},
                    "status": "final",
                    "code": {"coding": [{"system": "http://loinc.org", "code": "60568-3"}]},
                    "subject": {"reference": "Patient/1"},
                    "presentedForm": [
                        {"contentType": "text/plain", "data": "RHVjdGFsIGNhcmNpbm9tYS4="}
                    ],
                },
            }
        ],
    }


def _row(name: str, key: str, payload: Mapping[str, Any], example: Any) -> dict[str, Any]:
    schema = {k: v for k, v in payload.items() if k not in {"$schema", "$id"}}
    return {
        "name": name,
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {
                SCHEMA_HEADER: {"type": "string", "const": f"{name}/{MAJOR_VERSION}"},
                "content-type": {
                    "type": "string",
                    "enum": ["application/json", "application/avro"],
                },
                "oncofhir-version": {**_TEXT, "description": "Version of the software."},
                "oncofhir-source-topic": {**_TEXT, "description": "Topic of the report's record."},
                "oncofhir-source-partition": {
                    **_TEXT,
                    "description": "Partition of the report's record.",
                },
                "oncofhir-source-offset": {
                    **_TEXT,
                    "description": "Offset of the report's record.",
                },
                "traceparent": {
                    **_TEXT,
                    "description": "W3C Trace Context: the worker's span, or the report's where traces are "
                    "off.",
                },
                "tracestate": {**_TEXT, "description": "As traceparent, of vendors."},
            },
        },
        "payload": _resolvable(schema, name),
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": key},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
        "examples": [{"name": f"{name}Example", "payload": example}],
    }


def _dead_letter() -> dict[str, Any]:
    schema = json_schema(DeadLetterHeaders, "dead-letter")
    return {
        "name": "deadLetter",
        "summary": "The original key, value and headers, and the headers of oncofhir.",
        "contentType": "application/octet-stream",
        "headers": {k: v for k, v in schema.items() if k not in {"$schema", "$id"}},
        "payload": {"description": "The original value, unchanged."},
        "bindings": {
            "kafka": {
                "key": {"description": "The original key, unchanged."},
                "bindingVersion": _KAFKA_BINDING,
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


def _resolvable(schema: Any, message: str) -> Any:
    """Point references to the schema's definitions at their place in the document."""
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
