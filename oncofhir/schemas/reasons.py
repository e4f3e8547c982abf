"""Reason codes. Their meaning, disposition and remedy are data: `reasons.toml` in this folder."""

import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path

from oncofhir.schemas.base import Value


class Disposition(StrEnum):
    """What happens to a report, or to the worker, for a reason."""

    SKIP = "skip"
    """Nothing is read. An outcome row states the reason."""
    RETRACT = "retract"
    """The findings of the report are withdrawn."""
    DEAD_LETTER = "dead-letter"
    """The record goes to the dead-letter topic, byte for byte."""
    RETRY = "retry"
    """The report is processed again, with growing delays, until the dependency has recovered."""
    HALT = "halt"
    """The worker stops with a message. Nothing is lost."""


class Reason(StrEnum):
    """A reason code, as it appears in outcome rows, dead-letter headers, logs and metrics."""

    # The record
    EMPTY_RECORD = "empty-record"
    NOT_JSON = "not-json"
    NOT_A_RESOURCE = "not-a-resource"
    UNSUPPORTED_ENVELOPE = "unsupported-envelope"
    UNSUPPORTED_RESOURCE_TYPE = "unsupported-resource-type"
    NO_REPORT_IN_BUNDLE = "no-report-in-bundle"
    NOTIFICATION_WITHOUT_FOCUS = "notification-without-focus"
    SCHEMA_REGISTRY_FRAMING = "schema-registry-framing"
    DUPLICATE_JSON_KEYS = "duplicate-json-keys"
    INVALID_HL7V2 = "invalid-hl7v2"
    UNSUPPORTED_HL7V2_EVENT = "unsupported-hl7v2-event"
    UNSUPPORTED_PROCESSING_ID = "unsupported-processing-id"
    MESSAGE_TOO_LARGE = "message-too-large"
    # The resource
    MISSING_ID = "missing-id"
    MISSING_SUBJECT = "missing-subject"
    UNRESOLVED_SUBJECT = "unresolved-subject"
    NOT_A_PATIENT = "not-a-patient"
    MISSING_STATUS = "missing-status"
    INVALID_RESOURCE = "invalid-resource"
    FHIR_DSTU2 = "fhir-dstu2"
    FHIR_STU3 = "fhir-stu3"
    FHIR_R6 = "fhir-r6"
    RESOURCE_NOT_FOUND = "resource-not-found"
    PARTIAL_RESOURCE = "partial-resource"
    # Attachments
    EMPTY_ATTACHMENT = "empty-attachment"
    INVALID_BASE64 = "invalid-base64"
    ATTACHMENT_TOO_LARGE = "attachment-too-large"
    ATTACHMENT_HASH_MISMATCH = "attachment-hash-mismatch"
    ATTACHMENT_SIZE_MISMATCH = "attachment-size-mismatch"
    ATTACHMENT_NOT_FOUND = "attachment-not-found"
    ATTACHMENT_URL_REFUSED = "attachment-url-refused"
    ATTACHMENT_HOST_UNAVAILABLE = "attachment-host-unavailable"
    UNSUPPORTED_CONTENT_TYPE = "unsupported-content-type"
    IMAGE_ATTACHMENT = "image-attachment"
    NO_TEXT_LAYER = "no-text-layer"
    ENCRYPTED_DOCUMENT = "encrypted-document"
    UNDECODABLE_TEXT = "undecodable-text"
    UNREADABLE_DOCUMENT = "unreadable-document"
    PARSING_TIMED_OUT = "parsing-timed-out"
    PARSER_CRASHED = "parser-crashed"
    NO_TEXT = "no-text"
    TEXT_TOO_LONG = "text-too-long"
    # Triage
    NOT_FINAL = "not-final"
    STATUS_UNKNOWN = "status-unknown"
    NOT_ONCOLOGY = "not-oncology"
    LANGUAGE_NOT_READ = "language-not-read"
    RESTRICTED = "restricted"
    MACHINE_ASSERTED = "machine-asserted"
    SUPERSEDED = "superseded"
    DERIVED_DOCUMENT = "derived-document"
    ENTERED_IN_ERROR = "entered-in-error"
    CANCELLED = "cancelled"
    DELETED = "deleted"
    MODEL_RECALLED = "model-recalled"
    # The model server
    MODEL_UNREACHABLE = "model-unreachable"
    MODEL_OVERLOADED = "model-overloaded"
    MODEL_FAILED = "model-failed"
    MODEL_REJECTED_PROMPT = "model-rejected-prompt"
    MODEL_NO_ANSWER = "model-no-answer"
    MODEL_REPLACED = "model-replaced"
    MODEL_UNSUITABLE = "model-unsuitable"
    MODEL_ACCESS_DENIED = "model-access-denied"
    MODEL_REFUSED_REPORT = "model-refused-report"
    # The FHIR servers
    STORE_UNREACHABLE = "store-unreachable"
    STORE_FAILED = "store-failed"
    STORE_REJECTED = "store-rejected"
    STORE_TOO_LARGE = "store-too-large"
    STORE_FHIR_VERSION = "store-fhir-version"
    STORE_ACCESS_DENIED = "store-access-denied"
    STORE_REFUSED_REPORT = "store-refused-report"
    STORE_CONFLICT = "store-conflict"
    # The broker
    BROKER_UNREACHABLE = "broker-unreachable"
    BROKER_ACCESS_DENIED = "broker-access-denied"
    BROKER_REJECTED = "broker-rejected"
    # The schema registry
    REGISTRY_UNREACHABLE = "registry-unreachable"
    REGISTRY_ACCESS_DENIED = "registry-access-denied"
    REGISTRY_UNSUITABLE = "registry-unsuitable"
    # The service itself
    UNEXPECTED = "unexpected"
    SET_ASIDE = "set-aside"
    TOO_MANY_DEAD_LETTERS = "too-many-dead-letters"

    @property
    def disposition(self) -> Disposition:
        """What happens to the report or to the worker."""
        return _table()[self].disposition

    @property
    def meaning(self) -> str:
        """What the code says, in one or two sentences."""
        return _table()[self].meaning

    @property
    def remedy(self) -> str:
        """What an operator can do about it."""
        return _table()[self].remedy


class _Entry(Value):
    disposition: Disposition
    meaning: str
    remedy: str


@cache
def _table() -> dict[Reason, _Entry]:
    text = Path(__file__).with_name("reasons.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)
    return {Reason(code): _Entry.model_validate(entry) for code, entry in entries.items()}


def reference_page() -> str:
    """Render `docs/reference/reasons.md` in Markdown."""
    lines = [
        "# Reasons",
        "",
        "Audience: operators and integration teams. Type: reference. Printed from",
        "`oncofhir/schemas/reasons.toml`; change it there.",
        "",
        "A reason has one of five dispositions: **skip** (nothing is read, an outcome row states the",
        "reason), **retract** (the findings of the report are withdrawn), **dead-letter** (the record goes",
        "to the dead-letter topic, byte for byte), **retry** (the report is processed again, with growing",
        "delays, until the dependency has recovered), **halt** (the worker stops with a message; nothing is",
        "lost).",
        "",
        "| reason | disposition | meaning | remedy |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{reason.value}` | {reason.disposition.value} | {reason.meaning} | {reason.remedy} |"
        for reason in Reason
    ]
    return "\n".join(lines) + "\n"
