"""Results of a DiagnosticReport in words: values, interpretations and notes of its Observations."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
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
    """Read the results in words, each behind the name of its Observation; a panel gives those of its members.

    Contained Observations are always read, referenced ones only with `fetch`; absent ones are skipped. Paths
    are FHIRPath: `DiagnosticReport.result[0].resolve()`, the text of which is "name: value".

    Raises:
        DependencyUnavailable, AccessDenied: the source is unavailable.
    """
    pieces: list[Piece] = []
    seen: set[str] = set()
    waiting = list(_references(resource, "result", "DiagnosticReport"))[::-1]
    while waiting and len(seen) < limits.max_results:
        at, reference = waiting.pop()
        if reference is None or reference in seen:
            continue
        seen.add(reference)
        observation = await read_referenced(resource, reference, "Observation", reader, fetch=fetch)
        if observation is None or observation.get("status") in _WITHDRAWN:
            continue
        path = f"{at}.resolve()"
        text = _observation_text(observation, path)
        if text is not None:
            pieces.append(Piece(path=path, content_type=_PLAIN, text=text))
        # The members of a panel come right behind it.
        waiting += list(_references(observation, "hasMember", path))[::-1]
    return pieces


def _references(element: Element, name: str, path: str) -> Iterator[tuple[str, str | None]]:
    for at, reference in children(element, name, path):
        yield at, string(reference, "reference", at)


async def read_referenced(
    resource: Mapping[str, Any],
    reference: str | None,
    kind: str,
    reader: ReferenceReader,
    *,
    fetch: bool,
) -> Element | None:
    """Return the resource of this type that a report refers to: contained, or read with `fetch`; else None.

    Raises:
        DependencyUnavailable, AccessDenied: the source is unavailable.
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


def concept_piece(element: Element, name: str, path: str) -> Piece | None:
    """Return the words of the CodeableConcept `name` of an element (see `concept_text`)."""
    concept = child(element, name, path)
    return None if concept is None else concept_text(concept, f"{path}.{name}")


def concept_text(concept: Element, path: str) -> Piece | None:
    """Return the words of a CodeableConcept: its text, else the display of its first coding with one."""
    text = string(concept, "text", path)
    if text is not None:
        return Piece(path=f"{path}.text", content_type=_PLAIN, text=text)
    for at, coding in children(concept, "coding", path):
        display = string(coding, "display", at)
        if display is not None:
            return Piece(path=f"{at}.display", content_type=_PLAIN, text=display)
    return None


def _observation_text(observation: Element, path: str) -> str | None:
    """Return "name: value", each further value, interpretation, note and component on a line of its own.

    None without a value. Name and value are one text, because neither is a finding without the other.
    """
    values = [text for text in _values(observation, path) if text.strip()]
    if not values:
        return None
    name = _concept(observation, "code", path)
    return "\n".join(values) if name is None else f"{name}: " + "\n".join(values)


def _values(observation: Element, path: str) -> Iterator[str]:
    for text in (
        string(observation, "valueString", path),
        _concept(observation, "valueCodeableConcept", path),
        _quantity(child(observation, "valueQuantity", path), f"{path}.valueQuantity"),
        _range(child(observation, "valueRange", path), f"{path}.valueRange"),
        _ratio(child(observation, "valueRatio", path), f"{path}.valueRatio"),
    ):
        if text is not None:
            yield text
    count = observation.get("valueInteger")
    if isinstance(count, int) and not isinstance(count, bool):
        yield str(count)
    for at, interpretation in children(observation, "interpretation", path):
        piece = concept_text(interpretation, at)
        if piece is not None:
            yield piece.text
    for at, note in children(observation, "note", path):
        written = string(note, "text", at)
        if written is not None:
            yield written
    for at, component in children(observation, "component", path):
        text = _observation_text(component, at)
        if text is not None:
            yield text


def _concept(element: Element, name: str, path: str) -> str | None:
    piece = concept_piece(element, name, path)
    return None if piece is None else piece.text


def _quantity(quantity: Element | None, path: str) -> str | None:
    """Return comparator, number and unit as one phrase ("< 1 %"); None without a number."""
    number = None if quantity is None else quantity.get("value")
    if quantity is None or isinstance(number, bool) or not isinstance(number, int | float):
        return None
    comparator = string(quantity, "comparator", path)
    unit = string(quantity, "unit", path) or string(quantity, "code", path)
    return " ".join(filter(None, (comparator, _decimal(number), unit)))


def _range(bounds: Element | None, path: str) -> str | None:
    if bounds is None:
        return None
    low = _quantity(child(bounds, "low", path), f"{path}.low")
    high = _quantity(child(bounds, "high", path), f"{path}.high")
    return " to ".join(filter(None, (low, high))) or None


def _ratio(ratio: Element | None, path: str) -> str | None:
    if ratio is None:
        return None
    numerator = _quantity(child(ratio, "numerator", path), f"{path}.numerator")
    denominator = _quantity(child(ratio, "denominator", path), f"{path}.denominator")
    return f"{numerator}/{denominator}" if numerator and denominator else None


def _decimal(number: float) -> str:
    """Return a number without an exponent."""
    text = format(Decimal(repr(number)), "f")
    return text.removesuffix(".0")
