"""Metadata of a report: its reference, patient, times, encounter, specimen and security labels."""

from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.elements import Element, child, children, string
from oncofhir.fhir.intake.source_reader import ReferenceReader
from oncofhir.fhir.references import is_id, literal_reference
from oncofhir.schemas.errors import OncofhirError, UnreadableReport
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import SecurityLabel


def source_of(resource: Mapping[str, Any], kind: str) -> SourceReference:
    """Return the versioned reference of a report at its source.

    Raises:
        UnreadableReport: missing-id, invalid-resource.
    """
    ident = string(resource, "id", kind)
    if ident is None:
        raise UnreadableReport(Reason.MISSING_ID, kind)
    if not is_id(ident):
        raise UnreadableReport(Reason.INVALID_RESOURCE, f"{kind}.id")
    meta = child(resource, "meta", kind) or {}
    version = string(meta, "versionId", f"{kind}.meta")
    if version is not None and not is_id(version):
        raise UnreadableReport(Reason.INVALID_RESOURCE, f"{kind}.meta.versionId")
    return SourceReference(type=kind, id=ident, version=version)


async def read_subject(resource: Mapping[str, Any], kind: str, reader: ReferenceReader) -> str:
    """Return the literal reference to the patient, relative if the patient is on the source server.

    A logical reference, with an identifier only, is resolved if exactly one Patient has that identifier.

    Raises:
        UnreadableReport: missing-subject, unresolved-subject, not-a-patient.
        DependencyUnavailable, AccessDenied, RequestRejected: the source cannot be searched.
    """
    path = f"{kind}.subject"
    subject = child(resource, "subject", kind)
    if not subject:
        raise UnreadableReport(Reason.MISSING_SUBJECT, path)
    reference = string(subject, "reference", path)
    if reference is None:
        return await _find_patient(subject, path, reader)
    named = literal_reference(reference)
    if named is None:
        raise UnreadableReport(Reason.UNRESOLVED_SUBJECT, f"{path}.reference")
    if named.type != "Patient":
        raise UnreadableReport(Reason.NOT_A_PATIENT, f"{path}.reference")
    local = reader.relative(reference)
    return local.partition("/_history/")[0]


async def _find_patient(subject: Element, path: str, reader: ReferenceReader) -> str:
    kind = string(subject, "type", path)
    if kind is not None and kind != "Patient":
        raise UnreadableReport(Reason.NOT_A_PATIENT, f"{path}.type")
    identifier = child(subject, "identifier", path)
    at = f"{path}.identifier"
    if identifier is None or string(identifier, "value", at) is None:
        raise UnreadableReport(Reason.UNRESOLVED_SUBJECT, path)
    found = await reader.find_patients(identifier)
    if len(found) != 1:
        why = "no Patient" if not found else "more than one Patient"
        has_system = string(identifier, "system", at) is not None
        detail = f"{why} has the identifier" if has_system else "the identifier has no system"
        raise UnreadableReport(Reason.UNRESOLVED_SUBJECT, at, detail)
    return found[0]


async def read_gender(subject: str, reader: ReferenceReader) -> str | None:
    """Read the Patient's gender if it is available: a diagnosis code may depend on it, reading does not."""
    try:
        patient = await reader.read_resource(subject)
        return string(patient, "gender", "Patient")
    except OncofhirError:
        return None


def encounter_of(resource: Mapping[str, Any], kind: str) -> str | None:
    """Return the encounter: `encounter`, or in a DocumentReference `context.encounter` or (R5) `context`.

    The latter two may name an EpisodeOfCare or Appointment, which are ignored.
    """
    if kind == "DiagnosticReport":
        return _reference(child(resource, "encounter", kind), f"{kind}.encounter")
    for at, context in children(resource, "context", kind):
        for where, element in ((at, context), *children(context, "encounter", at)):
            reference = _reference(element, where)
            named = literal_reference(reference) if reference is not None else None
            if named is not None and named.type == "Encounter":
                return reference
    return None


def _reference(element: Element | None, path: str) -> str | None:
    """Return a literal reference as it is written."""
    reference = string(element, "reference", path) if element else None
    return reference if reference is not None and literal_reference(reference) is not None else None


def effective_of(resource: Mapping[str, Any], kind: str) -> str | None:
    """Return the clinically relevant time of the report, or the start of that period."""
    if kind == "DiagnosticReport":
        moment = string(resource, "effectiveDateTime", kind)
        if moment is not None:
            return moment
        return _start(child(resource, "effectivePeriod", kind), f"{kind}.effectivePeriod")
    for at, context in children(resource, "context", kind):
        start = _start(child(context, "period", at), f"{at}.period")
        if start is not None:
            return start
    return _start(child(resource, "period", kind), f"{kind}.period")


def _start(period: Element | None, path: str) -> str | None:
    return None if period is None else string(period, "start", path) or string(period, "end", path)


def specimen_of(resource: Mapping[str, Any], kind: str, reader: ReferenceReader) -> str | None:
    """Return the specimen if there is exactly one: of several, none can be attributed to a finding.

    Without its version, and relative if it is on the source server, like the subject.
    """
    if kind != "DiagnosticReport":
        return None
    specimens = list(children(resource, "specimen", kind))
    if len(specimens) != 1:
        return None
    at, specimen = specimens[0]
    return specimen_reference(specimen, at, reader)


def specimen_reference(element: Element, path: str, reader: ReferenceReader) -> str | None:
    """Return the Specimen that a Reference element names; None for another type or a contained one."""
    reference = _reference(element, path)
    named = literal_reference(reference) if reference is not None else None
    if reference is None or named is None or named.type != "Specimen":
        return None
    return reader.relative(reference).partition("/_history/")[0]


def security_of(meta: Element, path: str) -> tuple[SecurityLabel, ...]:
    """Return the labels of `meta.security`."""
    return tuple(
        SecurityLabel(
            system=string(label, "system", at),
            code=string(label, "code", at),
            display=string(label, "display", at),
        )
        for at, label in children(meta, "security", path)
    )
