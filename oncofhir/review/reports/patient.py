"""Whose report it is: name, date of birth and record number, to find the patient elsewhere."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from oncofhir.fhir.rest.client import FhirClient
from oncofhir.schemas.errors import OncofhirError
from oncofhir.schemas.review import PatientView

# Source: http://terminology.hl7.org/CodeSystem/v2-0203
_RECORD_NUMBER = "MR"
_USES = ("official", "usual")
log = structlog.get_logger(__name__)


async def read_patient(client: FhirClient, reference: str | None) -> PatientView | None:
    """Read the patient of a report from its source; None if that cannot be read or says nothing.

    The report is shown without: a source may refuse to show its patients.
    """
    kind, _, ident = (reference or "").partition("/")
    if kind != "Patient" or not ident or "/" in ident:
        return None
    try:
        return patient_view(await client.read(kind, ident))
    except OncofhirError as error:
        log.debug("the patient cannot be read", reason=error.reason.value)
        return None


def patient_view(resource: Mapping[str, Any]) -> PatientView | None:
    """What a Patient says of a person. Elements of other forms than FHIR's are passed over."""
    view = PatientView(
        name=_name(_maps(resource.get("name"))),
        born=_text(resource.get("birthDate")),
        record_number=_record_number(_maps(resource.get("identifier"))),
    )
    return view if view != PatientView() else None


def _name(names: list[Mapping[str, Any]]) -> str | None:
    """The official name, else the usual one, else the first."""
    ranked = sorted(
        names, key=lambda name: _USES.index(name["use"]) if name.get("use") in _USES else len(_USES)
    )
    for name in ranked:
        given = name.get("given")
        parts = [*(given if isinstance(given, list) else ()), name.get("family")]
        words = _text(name.get("text")) or " ".join(filter(None, map(_text, parts)))
        if words:
            return words
    return None


def _record_number(identifiers: list[Mapping[str, Any]]) -> str | None:
    """The identifier of the type MR."""
    for identifier in identifiers:
        kind = identifier.get("type")
        codings = _maps(kind.get("coding")) if isinstance(kind, Mapping) else []
        if any(coding.get("code") == _RECORD_NUMBER for coding in codings):
            return _text(identifier.get("value"))
    return None


def _maps(value: Any) -> list[Mapping[str, Any]]:
    found: Iterable[Any] = value if isinstance(value, list) else ()
    return [one for one in found if isinstance(one, Mapping)]


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
