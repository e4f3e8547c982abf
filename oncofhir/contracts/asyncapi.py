"""AsyncAPI 3 document of the topics: keys, headers, payloads, retention and compaction, with examples."""

from collections.abc import Mapping
from typing import Any

from oncofhir.contracts.asyncapi_messages import (
    KAFKA_BINDING,
    dead_letter_message,
    report_message,
    row_message,
)
from oncofhir.contracts.examples import outcome_row, phenotype_row
from oncofhir.contracts.kinds import Contract
from oncofhir.contracts.version import MAJOR_VERSION
from oncofhir.settings import KafkaSettings, RowFormat

VERSION = "3.0.0"
_INFORMATION = """\
Topics of oncofhir {software}.

Within a major version new fields, values of enums and headers may appear and none disappears: consumers
ignore fields and headers that they do not know, and keep a row whose enum has a new value. `oncofhir-schema`
(phenotype/1, outcome/1) names the contract of a row and its major version; a row without this header was
written by 0.1.0 and is of version 1. Do not read rows of a higher major version: update the consumer first.

Rows are upserts: per key, the row with the highest `revision` is in force, in whatever order rows arrive. A
row may arrive more than once. A record whose value is null is a tombstone: delete the row of its key. A row
that follows a tombstone counts whatever its revision. Messages of one key are in one partition, that of
Kafka's default partitioner (murmur2), and in order; across topics there is no order. `oncofhir erase` alone
sends tombstones: for the findings and the outcomes of one patient.\
"""


def asyncapi(settings: KafkaSettings, software: str) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document for topics of these names (AsyncAPI specification 3.0.0).

    `software` is the version of oncofhir. Operations are from the service's side: it receives reports and
    sends rows, outcomes and dead letters.
    """
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "oncofhir topics",
            "version": f"{MAJOR_VERSION}.0.0",
            "description": _INFORMATION.format(software=software),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": _channels(settings),
        "operations": {
            "receiveDiagnosticReports": _operation("receive", "diagnosticReport"),
            "receiveDocumentReferences": _operation("receive", "documentReference"),
            "sendPhenotypes": _operation("send", "phenotypes"),
            "sendOutcomes": _operation("send", "outcomes"),
            "sendDeadLetters": _operation("send", "deadLetters"),
        },
        "components": {"messages": _messages(settings.row_format)},
    }


def _messages(row_format: RowFormat) -> dict[str, Any]:
    return {
        "report": report_message(),
        "phenotype": row_message(
            Contract.PHENOTYPE,
            "One finding of a report.",
            "The finding's identity: the column `finding`.",
            phenotype_row(),
            row_format,
        ),
        "outcome": row_message(
            Contract.OUTCOME,
            "One version of a document and its outcome.",
            "The document's identity: the column `document`. For a version that changes nothing (status "
            "older-version-ignored or duplicate-resource) it is document, source and source_version, joined "
            "by '|'.",
            outcome_row(),
            row_format,
        ),
        "deadLetter": dead_letter_message(),
    }


def _channels(settings: KafkaSettings) -> dict[str, Any]:
    return {
        "diagnosticReport": _input(settings.diagnostic_report_topic, "DiagnosticReport"),
        "documentReference": _input(settings.document_reference_topic, "DocumentReference"),
        "phenotypes": _channel(
            settings.phenotype_topic,
            "One message per finding and revision, keyed by finding. Compacted: the last row of each key "
            "stays for ever. Findings of all documents of a patient have the same `subject`.",
            "phenotype",
            {"cleanup.policy": ["compact"]},
        ),
        "outcomes": _channel(
            settings.outcome_topic,
            "One message per document and version: the denominators. Compacted: the last row of each key "
            "stays for ever. The outcome of a report is sent after its findings.",
            "outcome",
            {"cleanup.policy": ["compact"]},
        ),
        "deadLetters": _channel(
            settings.dead_letter_topic,
            "Records that could not be processed, byte for byte, with headers that say why. The topic holds "
            "PHI: restrict it like the input topics, and set its retention to the time that operators need "
            "to replay.",
            "deadLetter",
            {"cleanup.policy": ["delete"]},
        ),
    }


def _channel(
    topic: str, description: str, message: str, configuration: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "address": topic,
        "description": description,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {
            "kafka": {
                "topic": topic,
                "topicConfiguration": dict(configuration),
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _input(topic: str, resource_type: str) -> dict[str, Any]:
    return _channel(
        topic,
        f"Events of {resource_type} resources, published by the EHR or a bridge.",
        "report",
        {"cleanup.policy": ["delete"]},
    )


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}
