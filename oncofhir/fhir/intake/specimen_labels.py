"""Assigns the specimens of a report to the parts of its text, by the label that both carry.

Source: R4 Specimen.identifier, accessionIdentifier, container.identifier (the label on the vial), type.
Laboratories letter or number parts after the case ("S26-1234-A") or before the name ("A. Breast").
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from oncofhir.fhir.elements import Element, child, children, string
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.metadata import specimen_reference
from oncofhir.fhir.intake.results import concept_piece, read_referenced
from oncofhir.fhir.intake.source_reader import ReferenceReader
from oncofhir.schemas.errors import AccessDenied, RequestRejected

# Before a name: "A. Left breast", "Part B: nodes", "#2 - kidney", or the label alone.
_BEFORE = re.compile(
    r"\s*(?:(?:PART|SPECIMEN|TEIL)\s+|#\s*)*([A-Z]|[1-9]\d?)(?:\s*$|\s*[.):;]|\s+[-\u2013])",
    re.IGNORECASE,
)
# After the case number: a letter only, because digits belong to the case number.
_BEHIND = re.compile(r".*\d[\s\-_.:/]?([A-Z])", re.IGNORECASE)


async def read_specimens_by_part(
    resource: Mapping[str, Any],
    reader: ReferenceReader,
    labels: Collection[str],
    limits: IntakeLimits,
) -> dict[str, str]:
    """Return the references of specimens by the label of their part; ambiguous labels are left out.

    Reads nothing unless there are several parts and several specimens. A Specimen is read only if its
    reference does not show its label; one that must not be read has none.

    Raises:
        DependencyUnavailable: the source is unavailable.
    """
    kind = "DiagnosticReport"
    specimens = resource.get("specimen")
    if len(labels) < 2 or not isinstance(specimens, list) or len(specimens) < 2:  # noqa: PLR2004
        return {}
    found: list[tuple[str, str]] = []
    for at, element in islice(children(resource, "specimen", kind), limits.max_results):
        reference = specimen_reference(element, at, reader)
        if reference is None:
            continue
        label = _before(string(element, "display", at))
        if label not in labels:
            label = await _read_label(resource, reference, reader, labels)
        if label is not None:
            found.append((label, reference))
    times = Counter(label for label, _ in found)
    return {label: reference for label, reference in found if times[label] == 1}


async def _read_label(
    resource: Mapping[str, Any], reference: str, reader: ReferenceReader, labels: Collection[str]
) -> str | None:
    try:
        specimen = await read_referenced(resource, reference, "Specimen", reader, fetch=True)
    except (AccessDenied, RequestRejected):
        return None
    if specimen is None or specimen.get("status") == "entered-in-error":
        return None
    carried = {label for label in _labels(specimen, "Specimen") if label in labels}
    return carried.pop() if len(carried) == 1 else None


def _labels(specimen: Element, path: str) -> Iterator[str | None]:
    """Yield the labels that the specimen carries; None for an identifier without one."""
    for at, identifier in _identifiers(specimen, path):
        value = string(identifier, "value", at) or ""
        behind = _BEHIND.fullmatch(value.strip())
        yield behind[1].upper() if behind else _before(value)
    named = concept_piece(specimen, "type", path)
    yield _before(named.text if named else None)


def _identifiers(specimen: Element, path: str) -> Iterator[tuple[str, Element]]:
    yield from children(specimen, "identifier", path)
    accession = child(specimen, "accessionIdentifier", path)
    if accession is not None:
        yield f"{path}.accessionIdentifier", accession
    for at, container in children(specimen, "container", path):
        yield from children(container, "identifier", at)


def _before(text: str | None) -> str | None:
    match = _BEFORE.match(text or "")
    return match[1].upper() if match else None
