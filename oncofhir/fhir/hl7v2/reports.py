"""ORU^R01: each order (OBR with its OBX, NTE and SPM) is a DiagnosticReport.

Source: ConceptMaps message-oru-r01-to-bundle, segment-obr-to-diagnosticreport and
segment-orc-to-diagnosticreport of the guide. Groups of one filler order number are one report, whose id is
made of it, so that a correction is a newer version of the same report.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from oncofhir.fhir.codes import UNKNOWN
from oncofhir.fhir.hl7v2.concepts import concept, section_concept, security_label
from oncofhir.fhir.hl7v2.context import MessageContext, PatientContext, read_patient
from oncofhir.fhir.hl7v2.identifiers import entity_identifier, resource_id
from oncofhir.fhir.hl7v2.message import Repetition, Segment
from oncofhir.fhir.hl7v2.observations import Content, read_content, text_attachment
from oncofhir.fhir.hl7v2.specimens import read_specimens
from oncofhir.fhir.hl7v2.tables import tables
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.reasons import Reason

_READ = ("corrected", "final")  # statuses of groups that hold what is valid; the first one wins
_UNREAD = ("preliminary", "partial", "registered", "cancelled")
_CONTENT = frozenset({"OBX", "NTE", "SPM"})

MappedReport = tuple[dict[str, Any], dict[str, Any]]
"""A report, and its Patient."""


@dataclass
class _Order:
    """The segments of one ORC and OBR. `status` is that of DiagnosticReport."""

    orc: Segment | None
    obr: Segment
    pid: Segment | None
    pv1: Segment | None
    rest: list[Segment] = field(default_factory=list)

    @property
    def filler(self) -> Repetition:
        return self._number(3)

    @property
    def placer(self) -> Repetition:
        return self._number(2)

    def _number(self, number: int) -> Repetition:
        own = self.obr.first(number)
        return own if own.component(1) or self.orc is None else self.orc.first(number)

    @property
    def key(self) -> tuple[str, ...]:
        """The filler order number, else the placer's, each with its authority."""
        for kind, number in (("filler", self.filler), ("placer", self.placer)):
            if number.component(1):
                return (kind, *(number.component(part) for part in (1, 2, 3)))
        raise UnreadableReport(Reason.MISSING_ID, self.obr.location(3))

    @property
    def status(self) -> str:
        code, where = self.obr.value(25), self.obr.location(25)
        if not code:
            raise UnreadableReport(Reason.MISSING_STATUS, where)
        status = tables().result_status.get(code.upper())
        if status is None:
            raise UnreadableReport(Reason.STATUS_UNKNOWN, where)
        return status


def map_results(context: MessageContext) -> Iterator[MappedReport]:
    """Yield the reports of an ORU^R01, in their order.

    Raises:
        UnreadableReport: invalid-hl7v2 (no OBR), missing-id, missing-status, status-unknown,
            missing-subject, invalid-base64, undecodable-text.
    """
    orders = list(_orders(context.message.segments))
    if not orders:
        raise UnreadableReport(Reason.INVALID_HL7V2, "OBR", "the message has no OBR segment")
    reports: dict[tuple[str, ...], list[_Order]] = {}
    for order in orders:
        reports.setdefault(order.key, []).append(order)
    for key, parts in reports.items():
        patient = read_patient(context, parts[0].pid, parts[0].pv1)
        yield _report(context, patient, key, parts), patient.patient


def _orders(segments: Iterable[Segment]) -> Iterator[_Order]:
    pid = pv1 = orc = None
    order: _Order | None = None
    for segment in segments:
        if segment.name == "OBR":
            if order is not None:
                yield order
            order, orc = _Order(orc, segment, pid, pv1), None
        elif segment.name in {"ORC", "PID"}:
            if order is not None:
                yield order
            order = None
            if segment.name == "ORC":
                orc = segment
            else:
                pid, pv1, orc = segment, None, None
        elif segment.name == "PV1":
            pv1 = segment
        elif order is not None and segment.name in _CONTENT:
            order.rest.append(segment)
    if order is not None:
        yield order


def _report(
    context: MessageContext, patient: PatientContext, key: tuple[str, ...], parts: list[_Order]
) -> dict[str, Any]:
    status, valid = _valid_parts(parts)
    first, systems = valid[0], context.systems
    content = read_content(segment for part in valid for segment in part.rest)
    meta = context.meta()
    labels = [_label for part in parts if part.orc and (_label := _security(part.orc))]
    if labels:
        meta["security"] = labels
    identifiers = [
        entity_identifier(first.placer, "PLAC", systems),
        entity_identifier(first.filler, "FILL", systems),
    ]
    section = first.obr.value(24)
    return {
        "resourceType": "DiagnosticReport",
        "id": resource_id(context.header, "DiagnosticReport", *key),
        "meta": meta,
        **_contents(context, valid, content, patient, status),
        "identifier": [each for each in identifiers if each is not None],
        "status": status,
        **({"category": [section_concept(section)]} if section else {}),
        "code": concept(first.obr.first(4), systems) or UNKNOWN,
        "subject": patient.subject,
        **({"encounter": patient.encounter} if patient.encounter else {}),
        **_times(context, first.obr),
    }


def _valid_parts(parts: list[_Order]) -> tuple[str, list[_Order]]:
    """Return the status of a report and the parts that hold it: of several, those that are final."""
    statuses = [part.status for part in parts]
    valid = [part for part, status in zip(parts, statuses, strict=True) if status in _READ]
    for status in (*_READ, *_UNREAD):
        if status in statuses:
            return status, valid or parts
    raise AssertionError("every part has a status")  # pragma: no cover


def _security(orc: Segment) -> dict[str, Any] | None:
    return security_label(orc.first(28), "0177")


def _times(context: MessageContext, obr: Segment) -> dict[str, Any]:
    start, end = context.date_time(obr, 7), context.date_time(obr, 8)
    found: dict[str, Any] = {}
    if start and end:
        found["effectivePeriod"] = {"start": start, "end": end}
    elif start or end:
        found["effectiveDateTime"] = start or end
    issued = context.instant(obr, 22) or context.instant(context.header, 7)
    return {**found, "issued": issued} if issued else found


def _contents(
    context: MessageContext,
    parts: list[_Order],
    content: Content,
    patient: PatientContext,
    status: str,
) -> dict[str, Any]:
    """Return the elements that hold the content.

    Text alone is a presentedForm. Beside an attachment it becomes Observations: several presentedForms
    would be the same content in different formats, of which one is read.
    """
    specimens = read_specimens(
        (s for part in parts for s in (part.obr, *part.rest)), context.systems
    )
    observations: list[dict[str, Any]] = []
    forms = list(content.attachments)
    if forms:
        observations = [
            {
                "resourceType": "Observation",
                "id": f"observation-{number}",
                "status": status
                if status in {"registered", "preliminary", "cancelled"}
                else "final",
                "code": {"text": block.title or "Note"},
                "subject": patient.subject,
                "valueString": block.text,
            }
            for number, block in enumerate(content.blocks, start=1)
        ]
    elif content.text.strip():
        forms = [text_attachment(content.text)]
    contained = [*specimens, *observations]
    return {
        **({"contained": contained} if contained else {}),
        **({"specimen": [{"reference": f"#{s['id']}"} for s in specimens]} if specimens else {}),
        **(
            {"result": [{"reference": f"#{o['id']}"} for o in observations]} if observations else {}
        ),
        **({"presentedForm": forms} if forms else {}),
    }
