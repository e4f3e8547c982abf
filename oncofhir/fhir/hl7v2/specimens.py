"""Specimens of SPM and OBR-15, contained in their report.

Source: ConceptMaps segment-spm-to-specimen and segment-obr-to-specimen of the guide.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from oncofhir.fhir.hl7v2.concepts import concept
from oncofhir.fhir.hl7v2.identifiers import Systems, identifier
from oncofhir.fhir.hl7v2.message import Repetition, Segment


def read_specimens(segments: Iterable[Segment], systems: Systems) -> list[dict[str, Any]]:
    """Return the Specimens of a report: its SPM segments, else OBR-15 of its OBR."""
    listed = list(segments)
    found = [_of_spm(segment, systems) for segment in listed if segment.name == "SPM"] or [
        specimen for segment in listed if segment.name == "OBR" for specimen in _of_obr(segment)
    ]
    return [
        {"resourceType": "Specimen", "id": f"specimen-{number}", **specimen}
        for number, specimen in enumerate((each for each in found if each), start=1)
    ]


def _of_spm(segment: Segment, systems: Systems) -> dict[str, Any]:
    found: dict[str, Any] = {}
    names = [name for part in (1, 2) if (name := _assigned(segment.first(2), part, systems))]
    kind, site = concept(segment.first(4), systems), concept(segment.first(8), systems)
    if names:
        found["identifier"] = names
    if kind is not None:
        found["type"] = kind
    if site is not None:
        found["collection"] = {"bodySite": site}
    return found


def _assigned(field: Repetition, part: int, systems: Systems) -> dict[str, Any] | None:
    """Return the identifier of an EIP that placer (1) or filler (2) assigned."""
    value, namespace, universal, scheme = (field.component(part, n) for n in (1, 2, 3, 4))
    kind = {1: "PLAC", 2: "FILL"}[part]
    authority = (namespace, universal, scheme)
    return identifier(value, authority, kind, systems) if value else None


def _of_obr(segment: Segment) -> Iterator[dict[str, Any]]:
    """Yield the Specimen of OBR-15 (SPS): its source and body site are coded values within a component."""
    source = segment.first(15)
    words = [source.component(1, 2) or source.component(1, 1), _words(source, 4)]
    kind, site = ({"text": text} if text else None for text in words)
    if kind is not None or site is not None:
        yield {
            **({"type": kind} if kind else {}),
            **({"collection": {"bodySite": site}} if site else {}),
        }


def _words(field: Repetition, component: int) -> str:
    return field.component(component, 2) or field.component(component, 1)
