"""Typed access to the elements of a resource's JSON.

Resources come from other systems and may break any rule of FHIR. An element that is absent, or null next to
a primitive extension (`_status`, data-absent-reason), reads as absent. An element whose form FHIR does
not allow raises `Reason.INVALID_RESOURCE` with its path.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.finding import Coding
from oncofhir.schemas.reasons import Reason

Element = Mapping[str, Any]


def string(element: Element, name: str, path: str) -> str | None:
    """Return the string `name` of the element at `path`; None if it is absent or blank."""
    value = element.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _invalid(f"{path}.{name}")
    return value if value.strip() else None


def child(element: Element, name: str, path: str) -> Element | None:
    """Return the object `name` of the element at `path`; None if it is absent."""
    value = element.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _invalid(f"{path}.{name}")
    return value


def children(element: Element, name: str, path: str) -> Iterator[tuple[str, Element]]:
    """Yield the objects of the list `name`, each with its own path; null entries are skipped.

    A single object in place of a list is read as a list of one.
    """
    values = element.get(name)
    if values is None:
        return
    for index, value in enumerate(values if isinstance(values, list) else [values]):
        at = f"{path}.{name}[{index}]"
        if value is None:
            continue
        if not isinstance(value, dict):
            raise _invalid(at)
        yield at, value


def codings(element: Element, name: str, path: str) -> tuple[Coding, ...]:
    """Return every coding with a code of the CodeableConcept (or list of them) `name`."""
    return tuple(
        Coding(
            system=string(coding, "system", at) or "",
            code=code,
            display=string(coding, "display", at),
        )
        for concept_at, concept in children(element, name, path)
        for at, coding in children(concept, "coding", concept_at)
        if (code := string(coding, "code", at)) is not None
    )


def _invalid(path: str) -> UnreadableReport:
    return UnreadableReport(Reason.INVALID_RESOURCE, path)


def instant(text: str | None) -> datetime | None:
    """Parse a FHIR instant; None if it is absent or malformed. Without an offset it is read as UTC."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
