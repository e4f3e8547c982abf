"""Identifiers of HL7 v2 (EI, CX, HD) as FHIR identifiers, and the ids of resources made from messages.

Source: ConceptMaps datatype-ei-extension-to-identifier, datatype-cx-to-identifier, datatype-hd-to-uri of the
guide. A system is a URI that the message or the settings state; a namespace alone names none.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.hl7v2.message import Repetition, Segment
from oncofhir.fhir.references import MESSAGE_ID_PREFIX
from oncofhir.schemas.identity import sha256_of

_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ABSOLUTE = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*:\S+")
Systems = Mapping[str, str]
"""URIs of the sender's namespaces and coding systems, by their names."""


def system_uri(namespace: str, universal: str, kind: str, systems: Systems) -> str | None:
    """Return the URI of an assigning authority (HD, or EI.2 to EI.4); None if none is stated or set."""
    if namespace in systems:
        return systems[namespace]
    if kind.upper() in {"ISO", "", "L"} and _OID.fullmatch(universal):
        return f"urn:oid:{universal}"
    if kind.upper() in {"UUID", "GUID", ""} and _UUID.fullmatch(universal):
        return f"urn:uuid:{universal.lower()}"
    return universal if kind.upper() == "URI" and _ABSOLUTE.fullmatch(universal) else None


def identifier(
    value: str, authority: tuple[str, str, str], type_code: str, systems: Systems
) -> dict[str, Any]:
    """Return an Identifier. `authority` is namespace, universal id and its type."""
    found: dict[str, Any] = {}
    if type_code:
        found["type"] = {"coding": [{"system": _TYPES, "code": type_code}]}
    system = system_uri(*authority, systems)
    if system is not None:
        found["system"] = system
    found["value"] = value
    if system is None and (authority[0] or authority[1]):
        found["assigner"] = {"display": authority[0] or authority[1]}
    return found


def entity_identifier(field: Repetition, type_code: str, systems: Systems) -> dict[str, Any] | None:
    """Return the Identifier of an EI; None if it has no value."""
    value = field.component(1)
    authority = (field.component(2), field.component(3), field.component(4))
    return identifier(value, authority, type_code, systems) if value else None


def extended_identifier(
    field: Repetition, systems: Systems, type_code: str = ""
) -> dict[str, Any] | None:
    """Return the Identifier of a CX; None if it has no value. `type_code` holds where CX.5 is empty."""
    value = field.component(1)
    authority = (field.component(4, 1), field.component(4, 2), field.component(4, 3))
    kind = field.component(5) or type_code
    return identifier(value, authority, kind, systems) if value else None


def resource_id(header: Segment, kind: str, *parts: str) -> str:
    """Return the id of a resource, equal for all messages of the same sender that state these parts.

    The sender is the application and facility of MSH-3 and MSH-4.
    """
    sender = [header.value(3, 1), header.value(3, 2), header.value(4, 1), header.value(4, 2)]
    return MESSAGE_ID_PREFIX + sha256_of(json.dumps([kind, *sender, *parts]))[:40]
