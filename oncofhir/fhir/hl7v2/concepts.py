"""Coded values of HL7 v2 (CE, CWE, CNE, CF, IS, ID) as CodeableConcepts.

Source: ConceptMap datatype-cwe-to-codeableconcept of the guide. A code keeps the system that the message
names; a system without a known URI is left out, never guessed.
"""

import re
from typing import Any

from oncofhir.fhir.hl7v2.identifiers import Systems, system_uri
from oncofhir.fhir.hl7v2.message import Repetition
from oncofhir.fhir.hl7v2.tables import tables

_TABLE = re.compile(r"HL7(\d{4})")
_V2 = "http://terminology.hl7.org/CodeSystem/v2-"
# Code, display and system of each coding of a CWE, then the OID of its system.
_CODINGS = ((1, 2, 3, 14), (4, 5, 6, 17), (10, 11, 12, 20))


def concept(field: Repetition, systems: Systems) -> dict[str, Any] | None:
    """Return a CodeableConcept; None if the field is empty."""
    codings = [coding for columns in _CODINGS if (coding := _coding(field, columns, systems))]
    text = field.component(9) or field.component(2) or field.component(5)
    found: dict[str, Any] = {"coding": codings} if codings else {}
    if text:
        found["text"] = text
    return found or None


def concept_text(field: Repetition) -> str:
    """Return the words of a coded value: its original text, else a display, else its code."""
    texts = (field.component(number) for number in (9, 2, 5, 1, 4))
    return next(filter(None, texts), "")


def section_concept(code: str) -> dict[str, Any]:
    """Return the category of OBR-24: a coding of table 0074, or text if the code is not in it."""
    display = tables().diagnostic_sections.get(code)
    if display is None:
        return {"text": code}
    return {"coding": [table_coding("0074", code, display)]}


def security_label(field: Repetition, table: str) -> dict[str, Any] | None:
    """Return the label of a confidentiality code (ORC-28, TXA-18); None if the field is empty."""
    code = field.component(1)
    return table_coding(table, code, tables().confidentiality.get(code)) if code else None


def table_coding(table: str, code: str, display: str | None = None) -> dict[str, Any]:
    """Return a coding of an HL7 table."""
    found = {"system": f"{_V2}{table}", "code": code}
    return found if display is None else {**found, "display": display}


def _coding(
    field: Repetition, columns: tuple[int, int, int, int], systems: Systems
) -> dict[str, Any] | None:
    code, display, name, oid = (field.component(number) for number in columns)
    if not code:
        return None
    found: dict[str, Any] = {}
    system = _coding_system(name, oid, systems)
    if system is not None:
        found["system"] = system
    found["code"] = code
    if display:
        found["display"] = display
    return found


def _coding_system(name: str, oid: str, systems: Systems) -> str | None:
    if name in systems:
        return systems[name]
    known = tables().coding_systems.get(name)
    table = _TABLE.fullmatch(name)
    if known is None and table is not None:
        known = f"{_V2}{table[1]}"
    return known or system_uri(name, oid, "ISO", systems) or system_uri(name, name, "ISO", systems)
