"""Every reason code: what it means, what becomes of the report, what to do.

`docs/reference/reasons.md` is printed from this table and a test compares them.
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
    UNSUPPORTED_ENVELOPE = "unsupported-envelope"
    UNSUPPORTED_RESOURCE_TYPE = "unsupported-resource-type"
    NO_REPORT_IN_BUNDLE = "no-report-in-bundle"
    NOTIFICATION_WITHOUT_FOCUS = "notification-without-focus"
    # the resource
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
    # attachments
    EMPTY_ATTACHMENT = "empty-attachment"
    INVALID_BASE64 = "invalid-base64"
    ATTACHMENT_TOO_LARGE = "attachment-too-large"
    ATTACHMENT_HASH_MISMATCH = "attachment-hash-mismatch"
    ATTACHMENT_SIZE_MISMATCH = "attachment-size-mismatch"
    ATTACHMENT_NOT_FOUND = "attachment-not-found"
    ATTACHMENT_URL_REFUSED = "attachment-url-refused"
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
    # triage
    NOT_FINAL = "not-final"
    STATUS_UNKNOWN = "status-unknown"
    NOT_ONCOLOGY = "not-oncology"
    RESTRICTED = "restricted"
    MACHINE_ASSERTED = "machine-asserted"
    SUPERSEDED = "superseded"
    DERIVED_DOCUMENT = "derived-document"
    ENTERED_IN_ERROR = "entered-in-error"
    CANCELLED = "cancelled"
    DELETED = "deleted"
    MODEL_RECALLED = "model-recalled"
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
    STORE_TOO_LARGE = "store-too-large"
    STORE_FHIR_VERSION = "store-fhir-version"
    STORE_ACCESS_DENIED = "store-access-denied"
    STORE_CONFLICT = "store-conflict"
    # the broker
    BROKER_UNREACHABLE = "broker-unreachable"
    BROKER_ACCESS_DENIED = "broker-access-denied"
    BROKER_REJECTED = "broker-rejected"
    # us
    UNEXPECTED = "unexpected"
    TOO_MANY_DEAD_LETTERS = "too-many-dead-letters"


class ReasonEntry(Value):
    """One row of the table."""

    fate: Fate
    meaning: str
    remedy: str


def _skip(meaning: str, remedy: str) -> ReasonEntry:
    return ReasonEntry(fate=Fate.SKIP, meaning=meaning, remedy=remedy)


def _retract(meaning: str, remedy: str) -> ReasonEntry:
    return ReasonEntry(fate=Fate.RETRACT, meaning=meaning, remedy=remedy)


def _dead_letter(meaning: str, remedy: str) -> ReasonEntry:
    return ReasonEntry(fate=Fate.DEAD_LETTER, meaning=meaning, remedy=remedy)


def _retry(meaning: str, remedy: str) -> ReasonEntry:
    return ReasonEntry(fate=Fate.RETRY, meaning=meaning, remedy=remedy)


def _halt(meaning: str, remedy: str) -> ReasonEntry:
    return ReasonEntry(fate=Fate.HALT, meaning=meaning, remedy=remedy)


REASONS: dict[Reason, ReasonEntry] = {
    # the record
    Reason.EMPTY_RECORD: _dead_letter(
        "The record's value is there but holds nothing. (A null value is a tombstone: passed over.)",
        "Find the producer that publishes empty values.",
    ),
    Reason.NOT_JSON: _dead_letter(
        "The value is neither JSON in UTF-8 nor a FHIR reference; HL7 v2 and XML end here.",
        "Publish FHIR JSON; convert HL7 v2 and XML first.",
    ),
    Reason.NOT_A_RESOURCE: _dead_letter(
        "JSON, but no FHIR resource and no envelope that is known.",
        "Compare the record with the envelopes in the documentation.",
    ),
    Reason.UNSUPPORTED_ENVELOPE: _dead_letter(
        "An envelope that cannot be opened: its payload is broken, of an unknown encoding or nested "
        "too deep.",
        "Correct the producer; the detail names the part.",
    ),
    Reason.UNSUPPORTED_RESOURCE_TYPE: _dead_letter(
        "A resource that is neither DiagnosticReport nor DocumentReference.",
        "Route other resource types to other topics.",
    ),
    Reason.NO_REPORT_IN_BUNDLE: _dead_letter(
        "A Bundle or notification that announces no DiagnosticReport and no DocumentReference.",
        "Narrow the subscription or the query to these two types.",
    ),
    Reason.NOTIFICATION_WITHOUT_FOCUS: _dead_letter(
        "A subscription notification with payload `empty`: it says that something happened, not what.",
        "Set the subscription's content to `id-only` or `full-resource`.",
    ),
    # the resource
    Reason.MISSING_ID: _dead_letter(
        "The report has no logical id, so nothing could be traced back to it.",
        "Publish the resource as the source stores it, with its id.",
    ),
    Reason.MISSING_SUBJECT: _dead_letter(
        "The report has no subject.", "Correct the report at its source and publish it again."
    ),
    Reason.UNRESOLVED_SUBJECT: _dead_letter(
        "The subject is no literal reference: only an identifier, a display, a contained Patient or a "
        "`urn:uuid:` that nothing in the record answers to.",
        "Publish the report with `subject.reference` naming the Patient.",
    ),
    Reason.NOT_A_PATIENT: _skip(
        "The subject is a Group, Device, Location or something else that is no Patient.",
        "None needed.",
    ),
    Reason.MISSING_STATUS: _dead_letter(
        "The report has no status, so it cannot be known whether it stands.",
        "Correct the report at its source and publish it again.",
    ),
    Reason.INVALID_RESOURCE: _dead_letter(
        "An element that is needed has a form that FHIR does not allow; the location names it.",
        "Validate the resource against FHIR R4 at its source.",
    ),
    Reason.FHIR_DSTU2: _dead_letter(
        "The resource is of FHIR DSTU2: its content type or profile says so, or it has elements that only "
        "DSTU2 has. R4, R4B and R5 are read.",
        "Publish it as R4, R4B or R5; most servers have an R4 endpoint.",
    ),
    Reason.FHIR_STU3: _dead_letter(
        "The resource is of FHIR STU3 (R3): its content type or profile says so, or it has elements that "
        "R4 replaced. R4, R4B and R5 are read.",
        "Publish it as R4, R4B or R5; most servers have an R4 endpoint.",
    ),
    Reason.FHIR_R6: _dead_letter(
        "The content type or profile names FHIR R6 or later. R4, R4B and R5 are read.",
        "Publish it as R4, R4B or R5.",
    ),
    Reason.RESOURCE_NOT_FOUND: _dead_letter(
        "The event names a resource that the source does not have (404).",
        "Check that `FHIR__SOURCE_BASE_URL` is the server the event speaks of.",
    ),
    # attachments
    Reason.EMPTY_ATTACHMENT: _dead_letter(
        "The attachment has neither data nor url, or its content is empty or blank.",
        "Correct the report at its source and publish it again.",
    ),
    Reason.INVALID_BASE64: _dead_letter(
        "The data is not base64, or it is cut off.",
        "Look for a size limit between the source and the topic.",
    ),
    Reason.ATTACHMENT_TOO_LARGE: _dead_letter(
        "The attachment, or what it unpacks to, exceeds `INTAKE__MAX_ATTACHMENT_BYTES` or the limit on "
        "pages.",
        "Raise the limit if such a report is genuine.",
    ),
    Reason.ATTACHMENT_HASH_MISMATCH: _dead_letter(
        "The content does not have the SHA-1 that the attachment states.",
        "The content was changed or damaged on its way; read it at its source.",
    ),
    Reason.ATTACHMENT_SIZE_MISMATCH: _dead_letter(
        "The content does not have the size that the attachment states.",
        "The content was changed or cut off on its way; read it at its source.",
    ),
    Reason.ATTACHMENT_NOT_FOUND: _dead_letter(
        "The url names a Binary, a contained resource or a page that is not there.",
        "Check whether the source still serves the attachment.",
    ),
    Reason.ATTACHMENT_URL_REFUSED: _dead_letter(
        "The url, or a redirect of it, leads outside the source and the allowed origins, has a scheme or "
        "path that is never followed, or a name that resolves to loopback or link-local addresses.",
        "Add the origin to `INTAKE__ALLOWED_ORIGINS` if it is to be trusted.",
    ),
    Reason.UNSUPPORTED_CONTENT_TYPE: _dead_letter(
        "The content is of a type that cannot be read as text.",
        "Publish a rendition as text, HTML, RTF, PDF with text, CDA or DOCX.",
    ),
    Reason.IMAGE_ATTACHMENT: _skip(
        "The content is an image, a recording or a DICOM object: there is no text to read.",
        "None needed; a text rendition would be read.",
    ),
    Reason.NO_TEXT_LAYER: _skip(
        "A PDF of scanned pages: it has no text layer.",
        "Run OCR at the source if such reports are to be read.",
    ),
    Reason.ENCRYPTED_DOCUMENT: _dead_letter(
        "The document needs a password.", "Publish the document without encryption."
    ),
    Reason.UNDECODABLE_TEXT: _dead_letter(
        "The bytes are not text in the declared charset, and no other charset explains them without "
        "doubt.",
        "Declare the right charset in the attachment's contentType.",
    ),
    Reason.UNREADABLE_DOCUMENT: _dead_letter(
        "The document is broken, nested too deep or declares XML entities.",
        "Open the document at its source; publish another rendition.",
    ),
    Reason.PARSING_TIMED_OUT: _dead_letter(
        "Parsing the document took longer than `PARSING__SECONDS`; its child process was ended.",
        "Open the document at its source; raise the limit if it is genuine.",
    ),
    Reason.PARSER_CRASHED: _dead_letter(
        "The child process that parsed the document ended, or needed more than `PARSING__MEMORY_BYTES`.",
        "Open the document at its source; raise the limit if it is genuine.",
    ),
    Reason.NO_TEXT: _skip(
        "The report holds no text at all: no attachment, conclusion, narrative or textual result.",
        "None needed.",
    ),
    Reason.TEXT_TOO_LONG: _dead_letter(
        "The text exceeds `INTAKE__MAX_TEXT_CHARACTERS`.",
        "Raise the limit if such a report is genuine.",
    ),
    # triage
    Reason.NOT_FINAL: _skip(
        "The report is registered, partial or preliminary; its final version will be read.",
        "None needed.",
    ),
    Reason.STATUS_UNKNOWN: _dead_letter(
        "The report's status is `unknown` or a code that triage does not list.",
        "Correct the status at the source, or give the code an action in the triage policy.",
    ),
    Reason.NOT_ONCOLOGY: _skip(
        "Neither the report's type nor a word in its text points to oncology.",
        "Set `INTAKE__REQUIRE_CANCER` to false to read every report.",
    ),
    Reason.RESTRICTED: _skip(
        "A security label of the report is among `INTAKE__SKIP_SECURITY_LABELS`.",
        "None needed; the site decides.",
    ),
    Reason.MACHINE_ASSERTED: _skip(
        "The report itself is labelled as asserted by a machine (AIAST) and is never fed back.",
        "None needed.",
    ),
    Reason.SUPERSEDED: _skip("Another document has replaced this one.", "None needed."),
    Reason.DERIVED_DOCUMENT: _skip(
        "The document transforms or signs another one, which is read itself.", "None needed."
    ),
    Reason.ENTERED_IN_ERROR: _retract(
        "The report was entered in error; all that was made from it is withdrawn.", "None needed."
    ),
    Reason.CANCELLED: _retract(
        "The report was cancelled; all that was made from it is withdrawn.", "None needed."
    ),
    Reason.DELETED: _retract(
        "The report was deleted at its source (or answers 410); all that was made from it is "
        "withdrawn.",
        "None needed.",
    ),
    Reason.MODEL_RECALLED: _retract(
        "What the model, or the prompt set, wrote was withdrawn with `oncofhir retract`.",
        "Have the reports read by another model.",
    ),
    # the model
    Reason.MODEL_UNREACHABLE: _retry(
        "The model server cannot be reached.", "Check `MODEL__URL` and that the server runs."
    ),
    Reason.MODEL_OVERLOADED: _retry(
        "The model server's queue is full.", "Add replicas or lower `MODEL__MAX_CONCURRENCY`."
    ),
    Reason.MODEL_FAILED: _retry(
        "The model server answered with an error of its own or with something that is no answer.",
        "Read the model server's log.",
    ),
    Reason.MODEL_REJECTED_PROMPT: _dead_letter(
        "The model server says that the prompt is invalid or too long.",
        "Check the prompt set's limits against the server's.",
    ),
    Reason.MODEL_ACCESS_DENIED: _halt(
        "The model server refuses the credentials.", "Renew `MODEL__TOKEN_FILE` and restart."
    ),
    # the stores
    Reason.STORE_UNREACHABLE: _retry(
        "The FHIR server cannot be reached.", "Check `FHIR__BASE_URL` and that the server runs."
    ),
    Reason.STORE_FAILED: _retry(
        "The FHIR server answered with an error of its own.", "Read the FHIR server's log."
    ),
    Reason.STORE_REJECTED: _dead_letter(
        "The FHIR server says that what was sent is invalid.",
        "Read its OperationOutcome in the server's log; check its profiles and reference rules.",
    ),
    Reason.STORE_TOO_LARGE: _dead_letter(
        "What was to be written at once has more entries than `FHIR__MAX_TRANSACTION_ENTRIES`, or the FHIR "
        "server says that it is too large (413, or an issue `too-long` or `too-costly`). Nothing of it was "
        "written.",
        "Raise the server's limit and the setting, or set `FHIR__TRANSACTIONS` to `never`; then replay it.",
    ),
    Reason.STORE_FHIR_VERSION: _halt(
        "The FHIR server that is written to says that it is of another FHIR version than R4 or R4B.",
        "Set `FHIR__BASE_URL` to the server's R4 endpoint and restart.",
    ),
    Reason.STORE_ACCESS_DENIED: _halt(
        "The FHIR server, or its token endpoint, refuses the credentials.",
        "Renew `FHIR__TOKEN_FILE`, or check `FHIR__CLIENT_ID`, its key and scopes, and restart.",
    ),
    Reason.STORE_CONFLICT: _retry(
        "Another writer changed the document first; it is read and decided again.", "None needed."
    ),
    # the broker
    Reason.BROKER_UNREACHABLE: _retry(
        "The broker cannot be reached.", "Check `KAFKA__BOOTSTRAP_SERVERS` and that it runs."
    ),
    Reason.BROKER_ACCESS_DENIED: _halt(
        "The broker refuses the credentials or the topic.", "Check the SASL settings and the ACLs."
    ),
    Reason.BROKER_REJECTED: _dead_letter(
        "The broker refuses a row of the report as too large.",
        "Raise `max.message.bytes` of the topic and `KAFKA__MAX_REQUEST_BYTES`.",
    ),
    # us
    Reason.UNEXPECTED: _dead_letter(
        "A fault of ours: a step raised an error that it does not document.",
        "Report it with the location; the record can be replayed after the fix.",
    ),
    Reason.TOO_MANY_DEAD_LETTERS: _halt(
        "So many reports were dead-lettered that going on would drain the topic.",
        "Find the common reason in the dead letters; `RETRY__DEAD_LETTER_SHARE` and "
        "`RETRY__DEAD_LETTERS_IN_A_ROW` set the cap.",
    ),
}


def reasons_table() -> str:
    """The page `docs/reference/reasons.md`, printed from the table."""
    lines = [
        "# Reasons",
        "",
        "Audience: operators and integration teams. Type: reference. Printed from",
        "`oncofhir/schemas/reasons.py`; change it there.",
        "",
        "Fates: **skip** (nothing is read, an outcome row says why), **retract** (what was made of the",
        "report is withdrawn), **dead-letter** (the record goes to the dead-letter topic, byte for byte),",
        "**retry** (again, with growing delays, while the dependency recovers), **halt** (the worker stops",
        "and says so; nothing is lost).",
        "",
        "| reason | fate | meaning | remedy |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{reason.value}` | {entry.fate.value} | {entry.meaning} | {entry.remedy} |"
        for reason, entry in REASONS.items()
    ]
    return "\n".join(lines) + "\n"
