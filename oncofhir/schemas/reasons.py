"""Every reason code: what it means, what becomes of the report, what to do.

`docs/reference/reasons.md` is printed from this table (`oncofhir reasons`) and a test compares them.
"""

from enum import StrEnum

from oncofhir.schemas.base import Value


class Fate(StrEnum):
    """What becomes of a report, or of the worker, for a reason."""

    SKIP = "skip"
    RETRACT = "retract"
    DEAD_LETTER = "dead-letter"
    RETRY = "retry"
    HALT = "halt"


class Reason(StrEnum):
    """Reason codes, as they stand in outcome rows, dead-letter headers, logs and metrics."""

    # the record
    EMPTY_RECORD = "empty-record"
    NOT_JSON = "not-json"
    NOT_A_RESOURCE = "not-a-resource"
    UNSUPPORTED_RESOURCE_TYPE = "unsupported-resource-type"
    NO_REPORT_IN_BUNDLE = "no-report-in-bundle"
    # the resource
    MISSING_ID = "missing-id"
    MISSING_SUBJECT = "missing-subject"
    MISSING_STATUS = "missing-status"
    INVALID_RESOURCE = "invalid-resource"
    RESOURCE_NOT_FOUND = "resource-not-found"
    # attachments
    EMPTY_ATTACHMENT = "empty-attachment"
    INVALID_BASE64 = "invalid-base64"
    ATTACHMENT_TOO_LARGE = "attachment-too-large"
    ATTACHMENT_HASH_MISMATCH = "attachment-hash-mismatch"
    ATTACHMENT_SIZE_MISMATCH = "attachment-size-mismatch"
    ATTACHMENT_NOT_FOUND = "attachment-not-found"
    ATTACHMENT_URL_REFUSED = "attachment-url-refused"
    UNSUPPORTED_CONTENT_TYPE = "unsupported-content-type"
    UNDECODABLE_TEXT = "undecodable-text"
    UNREADABLE_DOCUMENT = "unreadable-document"
    NO_TEXT = "no-text"
    # triage
    NOT_FINAL = "not-final"
    STATUS_UNKNOWN = "status-unknown"
    NOT_ONCOLOGY = "not-oncology"
    RESTRICTED = "restricted"
    MACHINE_ASSERTED = "machine-asserted"
    SUPERSEDED = "superseded"
    ENTERED_IN_ERROR = "entered-in-error"
    CANCELLED = "cancelled"
    DELETED = "deleted"
    # the model
    MODEL_UNREACHABLE = "model-unreachable"
    MODEL_OVERLOADED = "model-overloaded"
    MODEL_FAILED = "model-failed"
    MODEL_REJECTED_PROMPT = "model-rejected-prompt"
    MODEL_ACCESS_DENIED = "model-access-denied"
    # the stores
    STORE_UNREACHABLE = "store-unreachable"
    STORE_FAILED = "store-failed"
    STORE_REJECTED = "store-rejected"
    STORE_ACCESS_DENIED = "store-access-denied"
    STORE_CONFLICT = "store-conflict"
    # the broker
    BROKER_UNREACHABLE = "broker-unreachable"
    BROKER_ACCESS_DENIED = "broker-access-denied"
    # us
    UNEXPECTED = "unexpected"


class ReasonEntry(Value):
    """One row of the table."""

    fate: Fate
    meaning: str
    remedy: str
