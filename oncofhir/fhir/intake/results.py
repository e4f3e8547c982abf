"""Results of a DiagnosticReport that are text: Observations with valueString, a coded value's text, notes."""

from collections.abc import Iterator, Mapping
from typing import Any

from oncofhir.fhir.elements import Element, child, children, string
from oncofhir.fhir.intake.limits import IntakeLimits
from oncofhir.fhir.intake.renditions import Piece, find_contained
from oncofhir.fhir.intake.source_reader import ReferenceReader
from oncofhir.schemas.errors import UnreadableReport

_PLAIN = "text/plain"
_WITHDRAWN = frozenset({"entered-in-error", "cancelled"})


async def read_results(
    resource: Mapping[str, Any], reader: ReferenceReader, limits: IntakeLimits, *, fetch: bool
) -> list[Piece]:
    """What the results say in words, each behind the name of its Observation.

    Contained Observations are always read; referenced ones when `fetch`, and one that is not there is
    passed over. Paths are FHIRPath: `DiagnosticReport.result[0].resolve().valueString`.

    Raises:
        DependencyUnavailable, AccessDenied: the source cannot be asked.
    """
    pieces: list[Piece] = []
    for count, (at, reference) in enumerate(children(resource, "result", "DiagnosticReport")):
        if count >= limits.max_results:
            break
        named = string(reference, "reference", at)
        observation = await read_referenced(resource, named, "Observation", reader, fetch=fetch)
        if observation is not None and observation.get("status") not in _WITHDRAWN:
            pieces += _said(observation, f"{at}.resolve()")
    return pieces


async def read_referenced(
    resource: Mapping[str, Any],
    reference: str | None,
    kind: str,
    reader: ReferenceReader,
    *,
    fetch: bool,
) -> Element | None:
    """The resource of this kind that a report refers to: contained, or read when `fetch`; else None.

    Raises:
        DependencyUnavailable, AccessDenied: the source cannot be asked.
    """
    if reference is None:
        return None
    if reference.startswith("#"):
        found: Element | None = find_contained(resource, reference[1:])
    elif fetch:
        try:
            found = await reader.read_resource(reference)
        except UnreadableReport:
            return None
    else:
        return None
    return found if found is not None and found.get("resourceType") == kind else None


def _said(observation: Element, path: str) -> Iterator[Piece]:
    values = list(_values(observation, path))
    if not values:
        return
    name = concept_piece(observation, "code", path)
    if name is not None:
        yield name
    for index, (at, text) in enumerate(values):
        first = ": " if name is not None else "\n\n"
        yield Piece(path=at, content_type=_PLAIN, text=text, before=first if index == 0 else "\n")


def concept_piece(element: Element, name: str, path: str) -> Piece | None:
    """What the CodeableConcept `name` of an element says (see `concept_text`)."""
    concept = child(element, name, path)
    return None if concept is None else concept_text(concept, f"{path}.{name}")


def concept_text(concept: Element, path: str) -> Piece | None:
    """What a CodeableConcept says: its text, else its first coding's display."""
    text = string(concept, "text", path)
    if text is not None:
        return Piece(path=f"{path}.text", content_type=_PLAIN, text=text)
    for at, coding in children(concept, "coding", path):
        display = string(coding, "display", at)
        if display is not None:
            return Piece(path=f"{at}.display", content_type=_PLAIN, text=display)
    return None


def _values(observation: Element, path: str) -> Iterator[tuple[str, str]]:
    text = string(observation, "valueString", path)
    if text is not None:
        yield f"{path}.valueString", text
    concept = child(observation, "valueCodeableConcept", path)
    if concept is not None and (said := string(concept, "text", f"{path}.valueCodeableConcept")):
        yield f"{path}.valueCodeableConcept.text", said
    for at, note in children(observation, "note", path):
        if (written := string(note, "text", at)) is not None:
            yield f"{at}.text", written
    for at, component in children(observation, "component", path):
        yield from _values(component, at)
