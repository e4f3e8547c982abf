"""From an event to the resource to act on: an event is a hint (design, "Identity and the head")."""

from datetime import datetime
from typing import Any

from oncofhir.fhir.elements import child, instant, string
from oncofhir.fhir.intake.source_reader import ReferenceReader
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import Operation, ReportEvent
from oncofhir.schemas.reasons import Reason

_ABSENT = {Reason.RESOURCE_NOT_FOUND, Reason.DELETED}


async def resolve(
    event: ReportEvent, reader: ReferenceReader, *, read_current: bool = False
) -> dict[str, Any]:
    """The version of the report to act on.

    With `read_current` the source is asked first and its version counts, unless the event's own is newer
    or the source does not have the resource (yet). Without it the event's version counts, and the source
    is asked only when the event carries none.

    Raises:
        UnreadableReport: deleted (the event says so and the source does not say otherwise, or the source
            says so), resource-not-found, and the reason of an entry that could not be decoded.
        DependencyUnavailable, AccessDenied: the source cannot be asked.
    """
    if event.unreadable is not None:
        # Without a resource the source is the entry's place in its Bundle, and no identifier.
        where = str(event.source) if event.resource is None else event.source.type
        raise UnreadableReport(event.unreadable, where)
    deleted = event.operation is Operation.DELETE
    if deleted and not read_current:
        raise UnreadableReport(Reason.DELETED, event.source.type)
    if event.resource is not None and not read_current:
        return event.resource
    reference = event.source.unversioned if read_current else str(event.source)
    try:
        current = await reader.read_resource(reference)
    except UnreadableReport as error:
        if error.reason not in _ABSENT:
            raise
        if deleted:
            raise UnreadableReport(Reason.DELETED, event.source.type) from error
        if error.reason is Reason.RESOURCE_NOT_FOUND and event.resource is not None:
            return event.resource
        raise
    if current.get("resourceType") != event.source.type:
        raise UnreadableReport(
            Reason.INVALID_RESOURCE, event.source.type, "answered by another type"
        )
    return _newer(current, event.resource)


def _newer(current: dict[str, Any], carried: dict[str, Any] | None) -> dict[str, Any]:
    """The carried version only when both say when they were updated and it was later."""
    if carried is None:
        return current
    ours, theirs = _last_updated(carried), _last_updated(current)
    return carried if ours is not None and theirs is not None and ours > theirs else current


def _last_updated(resource: dict[str, Any]) -> datetime | None:
    meta = child(resource, "meta", str(resource.get("resourceType")))
    stated = string(meta, "lastUpdated", "meta") if meta else None
    return instant(stated)
