"""From an event to the resource to act on. An event is a hint: its resource may be old, or incomplete."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from oncofhir.fhir.elements import child, instant, string
from oncofhir.fhir.intake.source_reader import ReferenceReader
from oncofhir.schemas.errors import DependencyUnavailable, UnreadableReport
from oncofhir.schemas.event import Operation, ReportEvent
from oncofhir.schemas.reasons import Reason

_ABSENT = {Reason.RESOURCE_NOT_FOUND, Reason.DELETED}
# v3-ObservationValue; http://hl7.org/fhir/R4/resource.html#simple-tags and search.html#summary.
_SUBSETTED = "SUBSETTED"
# What a report's text can be read from (`read_report`).
_WITH_TEXT = {
    "DiagnosticReport": ("presentedForm", "conclusion", "conclusionCode", "result", "text"),
    "DocumentReference": ("content", "text"),
}


async def resolve(
    event: ReportEvent, reader: ReferenceReader, *, read_current: bool = False
) -> dict[str, Any]:
    """Return the version of the report to act on.

    With `read_current` the source is asked first and its version counts, unless the event's own is newer or
    the source does not have the resource (yet). Otherwise the event's version counts, and the source is
    asked only if the event carries none, or a part of one: a resource that is tagged as a subset, or a
    report without any element that could hold text, such as a summary.

    Raises:
        UnreadableReport: deleted (the event states it and the source does not contradict, or the source
            states it), resource-not-found, partial-resource (the source has no more than the part), and the
            reason of an entry that could not be decoded.
        DependencyUnavailable, AccessDenied: the source is unavailable, or has only an older version than
            the part that the event carries.
    """
    if event.unreadable is not None:
        # Without a resource the source is the entry's place in its Bundle, and no identifier.
        where = str(event.source) if event.resource is None else event.source.type
        raise UnreadableReport(event.unreadable, where)
    deleted = event.operation is Operation.DELETE
    if deleted and not read_current:
        raise UnreadableReport(Reason.DELETED, event.source.type)
    carried = event.resource
    if carried is not None and is_subsetted(carried):
        return await _read_whole(event, carried, reader)
    if carried is not None and not read_current:
        return carried if _may_have_text(carried) else await _read_summary(event, carried, reader)
    reference = event.source.unversioned if read_current else str(event.source)
    try:
        current = await reader.read_resource(reference)
    except UnreadableReport as error:
        if error.reason not in _ABSENT:
            raise
        if deleted:
            raise UnreadableReport(Reason.DELETED, event.source.type) from error
        if error.reason is Reason.RESOURCE_NOT_FOUND and carried is not None:
            return carried
        raise
    _check(current, event)
    return _newer(current, carried)


def is_subsetted(resource: Mapping[str, Any]) -> bool:
    """Return whether a resource states that it is incomplete (`meta.tag` SUBSETTED)."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    listed = tags if isinstance(tags, list) else [tags]
    return any(isinstance(tag, dict) and tag.get("code") == _SUBSETTED for tag in listed)


def _may_have_text(resource: Mapping[str, Any]) -> bool:
    """Return whether an element is there that could hold text; an attachment without content is none."""
    elements = _WITH_TEXT.get(str(resource.get("resourceType")), ())
    return any(_holds(resource.get(name)) for name in elements)


def _holds(element: Any) -> bool:
    """Return whether an element holds more than the description of an attachment."""
    if isinstance(element, list):
        return any(map(_holds, element))
    if not isinstance(element, dict):
        return bool(element)
    attachment = element.get("attachment", element)
    if isinstance(attachment, dict) and "contentType" in attachment:
        return any(attachment.get(name) for name in ("data", "url", "_data"))
    return bool(element)


async def _read_whole(
    event: ReportEvent, part: dict[str, Any], reader: ReferenceReader
) -> dict[str, Any]:
    """Read the whole of a resource of which the event carries a part."""
    whole = await _read_first(reader, str(event.source), event.source.unversioned)
    if whole is None or is_subsetted(whole):
        raise UnreadableReport(Reason.PARTIAL_RESOURCE, event.source.type)
    _check(whole, event)
    if _newer(whole, part) is part:
        raise DependencyUnavailable(
            Reason.STORE_FAILED, event.source.type, "the source has only an older version yet"
        )
    return whole


async def _read_summary(
    event: ReportEvent, carried: dict[str, Any], reader: ReferenceReader
) -> dict[str, Any]:
    """Read a report that carries no text, as it may be a summary; return it as it is if it is not there."""
    whole = await _read_first(reader, str(event.source), event.source.unversioned)
    if whole is None:
        return carried
    if is_subsetted(whole):
        raise UnreadableReport(Reason.PARTIAL_RESOURCE, event.source.type)
    _check(whole, event)
    return _newer(whole, carried)


async def _read_first(reader: ReferenceReader, *references: str) -> dict[str, Any] | None:
    """Read the first of the references that is there; a server need not keep older versions."""
    for reference in dict.fromkeys(references):
        try:
            return await reader.read_resource(reference)
        except UnreadableReport as error:
            if error.reason is not Reason.RESOURCE_NOT_FOUND:
                raise
    return None


def _check(current: Mapping[str, Any], event: ReportEvent) -> None:
    if current.get("resourceType") != event.source.type:
        raise UnreadableReport(
            Reason.INVALID_RESOURCE, event.source.type, "the source returned another type"
        )


def _newer(current: dict[str, Any], carried: dict[str, Any] | None) -> dict[str, Any]:
    """Return the carried version only if both state their last update and its own is later."""
    if carried is None:
        return current
    theirs, own = _last_updated(current), _last_updated(carried)
    return carried if own is not None and theirs is not None and own > theirs else current


def _last_updated(resource: dict[str, Any]) -> datetime | None:
    meta = child(resource, "meta", str(resource.get("resourceType")))
    stated = string(meta, "lastUpdated", "meta") if meta else None
    return instant(stated)
