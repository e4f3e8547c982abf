"""What all reports of a message share: sender, version, time zone, and for each patient the subject.

Source: ConceptMaps segment-msh-to-bundle, segment-pid-to-patient and segment-pv1-to-encounter of the guide.
Of the patient only identifiers and the gender are taken: nothing else is needed to read a report.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from oncofhir.fhir.hl7v2.identifiers import Systems, extended_identifier, resource_id
from oncofhir.fhir.hl7v2.message import Message, Repetition, Segment
from oncofhir.fhir.hl7v2.times import date_time, instant, offset_of
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.identity import sha256_of
from oncofhir.schemas.reasons import Reason
from oncofhir.settings import Hl7v2Settings

# PID-8 (table 0001) to http://hl7.org/fhir/R4/valueset-administrative-gender.html; the guide's ConceptMap
# table-hl70001-to-administrative-gender.
_GENDERS = {"M": "male", "F": "female", "O": "other", "A": "other", "N": "other", "U": "unknown"}
# Of several identifiers of a patient: medical record number, then the internal identifier (table 0203).
_PREFERRED_TYPES = ("MR", "PI")
_CLOCKS_DIFFER = timedelta(days=1)


@dataclass(frozen=True)
class MessageContext:
    """A message and the settings that it is read with."""

    message: Message
    settings: Hl7v2Settings

    @property
    def header(self) -> Segment:
        return self.message.header

    @property
    def systems(self) -> Systems:
        return self.settings.system_uris

    @cached_property
    def zone(self) -> tzinfo:
        """The zone of times without an offset: that of MSH-7, else the setting."""
        return offset_of(self.header.value(7)) or ZoneInfo(self.settings.time_zone)

    def meta(self) -> dict[str, Any]:
        """Return `meta` of a resource of this message.

        `lastUpdated` is MSH-7, which orders messages. It is left out where it is to come: every later
        correction would count as older; messages without it are in the order of their arrival. `versionId`
        stands for MSH-10: it begins with a letter, so that versions of one second are never ordered by it.

        Raises:
            UnreadableReport: invalid-hl7v2, there is no MSH-10.
        """
        control_id = self.header.value(10)
        if not control_id:
            raise UnreadableReport(Reason.INVALID_HL7V2, "MSH-10", "the message has no control id")
        sent = instant(self.header.value(7), self.zone)
        if sent is not None and datetime.fromisoformat(sent) > datetime.now(UTC) + _CLOCKS_DIFFER:
            sent = None
        version = f"m-{sha256_of(control_id)[:24]}"
        return {"versionId": version, **({"lastUpdated": sent} if sent else {})}

    def date_time(self, segment: Segment, number: int) -> str | None:
        """Return a field as dateTime; None if it is empty or no time."""
        return date_time(segment.value(number), self.zone)

    def instant(self, segment: Segment, number: int) -> str | None:
        """Return a field as instant; None if it is empty or has no time of day."""
        return instant(segment.value(number), self.zone)


@dataclass(frozen=True)
class PatientContext:
    """The patient and the visit of a group of segments."""

    subject: dict[str, Any]
    patient: dict[str, Any]
    encounter: dict[str, Any] | None = None


def read_patient(
    context: MessageContext, pid: Segment | None, pv1: Segment | None
) -> PatientContext:
    """Read PID and PV1.

    Raises:
        UnreadableReport: missing-subject, there is no PID or no identifier in PID-3 and PID-2.
    """
    fields = [] if pid is None else pid.repetitions(3) or pid.repetitions(2)
    systems = context.systems
    found = [each for field in fields if (each := extended_identifier(field, systems))]
    if pid is None or not found:
        raise UnreadableReport(Reason.MISSING_SUBJECT, "PID-3")
    chosen = found[_preferred([field for field in fields if field.component(1)])]
    gender = _GENDERS.get(pid.value(8).upper())
    key = (chosen["value"], chosen.get("system") or str(chosen.get("assigner")))
    patient = {
        "resourceType": "Patient",
        "id": resource_id(context.header, "Patient", *key),
        "identifier": found,
        **({"gender": gender} if gender else {}),
    }
    visit = extended_identifier(pv1.first(19), systems, "VN") if pv1 is not None else None
    encounter = {"type": "Encounter", "identifier": visit} if visit else None
    return PatientContext({"type": "Patient", "identifier": chosen}, patient, encounter)


def _preferred(fields: list[Repetition]) -> int:
    """Return the index of the identifier that names the patient best."""
    types = [field.component(5).upper() for field in fields]
    return next((types.index(kind) for kind in _PREFERRED_TYPES if kind in types), 0)
