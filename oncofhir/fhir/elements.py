"""Typed access to the elements of a resource's JSON.

A resource of another party may break any rule of FHIR. What is absent, or null with only a primitive
extension beside it (`_status`, data-absent-reason), reads as absent; what has a form that FHIR does not
allow is `Reason.INVALID_RESOURCE`, with its path.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.finding import Coding
from oncofhir.schemas.reasons import Reason

Element = Mapping[str, Any]


def string(element: Element, name: str, path: str) -> str | None:
    """The string `name` of an element at `path`; blank reads as absent."""
    value = element.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _invalid(f"{path}.{name}")
    return value if value.strip() else None


def child(element: Element, name: str, path: str) -> Element | None:
    """The object `name` of an element at `path`."""
    value = element.get(name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _invalid(f"{path}.{name}")
    return value


def children(element: Element, name: str, path: str) -> Iterator[tuple[str, Element]]:
    """The objects of the list `name`, each with its own path; null entries are passed over.

    A lone object where FHIR has a list is read as a list of one.
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
    """All codings of the CodeableConcept (or list of them) `name` that have a code."""
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
    """A FHIR instant, or None when it is absent or no instant; without an offset it is read as UTC."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
