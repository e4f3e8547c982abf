"""From the bytes of an HL7 v2 message to the reports that it announces."""

from oncofhir.fhir.hl7v2.context import MessageContext
from oncofhir.fhir.hl7v2.documents import map_document
from oncofhir.fhir.hl7v2.message import Message, parse_message
from oncofhir.fhir.hl7v2.reports import map_results
from oncofhir.fhir.hl7v2.tables import tables
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import Operation, ReportEvent, SourceReference
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings


def read_events(value: bytes, settings: Hl7v2Settings) -> tuple[ReportEvent, ...]:
    """Return the reports of a message, each with its resource, and its Patient as companion.

    Raises:
        UnreadableReport: what `parse_message` and `map_message` raise.
    """
    return map_message(parse_message(value, settings.default_charset), settings)


def map_message(message: Message, settings: Hl7v2Settings) -> tuple[ReportEvent, ...]:
    """Return the reports of a message.

    Raises:
        UnreadableReport: unsupported-hl7v2-event, it is neither an ORU^R01 nor one of the MDM events with a
            document; invalid-hl7v2, missing-id, missing-status, status-unknown, missing-subject,
            invalid-base64, undecodable-text, with the segment and field.
    """
    context = MessageContext(message, settings)
    kind, event = message.header.value(9, 1).upper(), message.header.value(9, 2).upper()
    if kind == "ORU" and event in {"R01", ""}:
        mapped = map_results(context)
    elif kind == "MDM" and event in tables().document_events:
        mapped = map_document(context, event)
    else:
        raise UnreadableReport(Reason.UNSUPPORTED_HL7V2_EVENT, "MSH-9")
    if message.header.value(14) or message.find("DSC") is not None:
        raise UnreadableReport(Reason.UNSUPPORTED_HL7V2_EVENT, "MSH-14", "a part of a message")
    return tuple(
        ReportEvent(
            operation=Operation.UPSERT,
            source=SourceReference(
                type=resource["resourceType"],
                id=resource["id"],
                version=resource["meta"]["versionId"],
            ),
            resource=resource,
            companions=(resource, patient),
        )
        for resource, patient in mapped
    )
