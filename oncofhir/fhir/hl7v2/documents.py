"""MDM: the document of TXA and its OBX segments is a DocumentReference.

Source: ConceptMaps message-mdm-t02-to-bundle, segment-txa-to-documentreference and
segment-obx-to-documentreference of the guide. The id is made of the unique document number (TXA-12), so that
an edit (T08) is a newer version and a cancellation (T11) withdraws it.
"""

from collections.abc import Iterator
from typing import Any

from oncofhir.fhir.hl7v2.concepts import concept, security_label
from oncofhir.fhir.hl7v2.context import MessageContext, PatientContext, read_patient
from oncofhir.fhir.hl7v2.identifiers import entity_identifier, resource_id
from oncofhir.fhir.hl7v2.message import Repetition, Segment
from oncofhir.fhir.hl7v2.observations import Content, read_content, text_attachment
from oncofhir.fhir.hl7v2.reports import MappedReport
from oncofhir.fhir.hl7v2.tables import tables
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_TYPE = "DocumentReference"
_CANCELLATION = "T11"
_EDITS = frozenset({"T04", "T08"})
_RELATIONS = {"T06": "appends", "T10": "replaces"}
# Fewer characters next to an attachment are a cover note ("see attached"), not a rendition of it.
_COVER_NOTE = 300


def map_document(context: MessageContext, event: str) -> Iterator[MappedReport]:
    """Yield the document of an MDM message; `event` is one of `tables().document_events`.

    Raises:
        UnreadableReport: invalid-hl7v2 (no TXA), missing-id, status-unknown, missing-subject,
            invalid-base64, undecodable-text.
    """
    message = context.message
    txa = message.find("TXA")
    if txa is None:
        raise UnreadableReport(Reason.INVALID_HL7V2, "TXA", "the message has no TXA segment")
    if not txa.value(12):
        raise UnreadableReport(Reason.MISSING_ID, txa.location(12))
    patient = read_patient(context, message.find("PID"), message.find("PV1"))
    document = {
        "resourceType": _TYPE,
        "id": _document_id(context, txa.first(12)),
        "meta": context.meta(),
        "masterIdentifier": entity_identifier(txa.first(12), "", context.systems),
        **_statuses(txa, event),
        **_description(context, txa, patient),
        **_relations(context, txa, event),
        **_contents(read_content(message.segments[message.segments.index(txa) + 1 :])),
    }
    label = security_label(txa.first(18), "0272")
    if label is not None:
        document["meta"]["security"] = [label]
        document["securityLabel"] = [{"coding": [label]}]
    yield document, patient.patient


def _document_id(context: MessageContext, number: Repetition) -> str:
    parts = (number.component(part) for part in (1, 2, 3))
    return resource_id(context.header, _TYPE, *parts)


def _statuses(txa: Segment, event: str) -> dict[str, str]:
    if event == _CANCELLATION:
        return {"status": "entered-in-error"}
    available, completed = txa.value(19).upper(), txa.value(17).upper()
    status = _status(tables().availability_status, available, txa.location(19)) or "current"
    doc_status = _status(tables().completion_status, completed, txa.location(17))
    if event in _EDITS and doc_status == "final":
        doc_status = "amended"
    if available == "UN":
        doc_status = "preliminary"
    return {"status": status, **({"docStatus": doc_status} if doc_status else {})}


def _status(table: dict[str, str], code: str, location: str) -> str | None:
    if code and code not in table:
        raise UnreadableReport(Reason.STATUS_UNKNOWN, location)
    return table.get(code)


def _description(context: MessageContext, txa: Segment, patient: PatientContext) -> dict[str, Any]:
    kind, title = concept(txa.first(2), context.systems), txa.first(25).text
    written = context.instant(txa, 6) or context.instant(context.header, 7)
    activity = context.date_time(txa, 4)
    about = {
        **({"encounter": [patient.encounter]} if patient.encounter else {}),
        **({"period": {"start": activity}} if activity else {}),
    }
    return {
        **({"type": kind} if kind else {}),
        "subject": patient.subject,
        **({"date": written} if written else {}),
        **({"description": title} if title else {}),
        **({"context": about} if about else {}),
    }


def _relations(context: MessageContext, txa: Segment, event: str) -> dict[str, Any]:
    """Return what an addendum or a replacement names as its parent document (TXA-13)."""
    parent, relation = txa.first(13), _RELATIONS.get(event)
    if relation is None or not parent.component(1):
        return {}
    target = {"reference": f"{_TYPE}/{_document_id(context, parent)}"}
    return {"relatesTo": [{"code": relation, "target": target}]}


def _contents(content: Content) -> dict[str, Any]:
    attachments = list(content.attachments)
    text = content.text
    is_cover_note = bool(attachments) and len(text) < _COVER_NOTE
    if text.strip() and not is_cover_note:
        attachments.append(text_attachment(text))
    return {"content": [{"attachment": each} for each in attachments]} if attachments else {}
