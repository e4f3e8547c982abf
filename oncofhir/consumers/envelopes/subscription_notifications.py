"""Subscription notifications: R4 backport (Parameters), R4B and R5 (SubscriptionStatus).

Source: http://hl7.org/fhir/uv/subscriptions-backport/notifications.html and payloads.html.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from oncofhir.consumers.envelopes.context import Context, event_from_resource
from oncofhir.fhir.elements import Element, child, children, string
from oncofhir.fhir.references import literal_reference
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import REPORT_TYPES, Operation, ReportEvent
from oncofhir.schemas.reasons import Reason

KEEPING_IN_TOUCH = frozenset({"handshake", "heartbeat", "query-status"})
_PROFILE = "subscription-status"
_MAX_DIGITS = 18  # below 2^63

Entry = tuple[tuple[str, Element], dict[str, Any] | None]
"""An entry with its path, and its resource."""


@dataclass(frozen=True)
class Status:
    """The status of a notification: its type, and the references of its events' focuses.

    `subscription` is a reference, `event_numbers` are those of its events, and `events_since_start` is the
    number of events of the Subscription so far. A number that cannot be read is left out.
    """

    type: str | None
    focus: tuple[str, ...]
    subscription: str | None = None
    event_numbers: tuple[int, ...] = ()
    events_since_start: int | None = None


def status_of(content: Any) -> Status | None:
    """Return the status if this JSON is a notification: a Bundle whose first entry is a status.

    Raises:
        UnreadableReport: invalid-resource.
    """
    if not isinstance(content, dict) or content.get("resourceType") != "Bundle":
        return None
    first = next(children(content, "entry", "Bundle"), None)
    resource = child(first[1], "resource", first[0]) if first is not None else None
    return status(resource) if resource is not None else None


def status(resource: Element) -> Status | None:
    """Return the status if this first resource of a Bundle is one."""
    kind = resource.get("resourceType")
    if kind == "SubscriptionStatus":
        return _of_resource(resource)
    return _of_parameters(resource) if kind == "Parameters" and _is_status(resource) else None


def _of_resource(resource: Element) -> Status:
    path = "SubscriptionStatus"
    events = list(children(resource, "notificationEvent", path))
    focus = (_reference(child(event, "focus", at), at) for at, event in events)
    numbers = (_number(event.get("eventNumber")) for _, event in events)
    return Status(
        type=string(resource, "type", path),
        focus=tuple(reference for reference in focus if reference),
        subscription=_reference(child(resource, "subscription", path), path),
        event_numbers=tuple(number for number in numbers if number is not None),
        events_since_start=_number(resource.get("eventsSinceSubscriptionStart")),
    )


def _of_parameters(resource: Element) -> Status:
    stated, subscription, since_start = None, None, None
    focus: list[str] = []
    numbers: list[int] = []
    for at, parameter in children(resource, "parameter", "Parameters"):
        match string(parameter, "name", at):
            case "type":
                stated = string(parameter, "valueCode", at)
            case "subscription":
                subscription = _reference(child(parameter, "valueReference", at), at)
            case "events-since-subscription-start":
                since_start = _value_number(parameter)
            case "notification-event":
                focus += _focus(parameter, at)
                numbers += _event_numbers(parameter, at)
    return Status(stated, tuple(focus), subscription, tuple(numbers), since_start)


def _event_numbers(event: Element, path: str) -> Iterator[int]:
    for at, part in children(event, "part", path):
        if string(part, "name", at) == "event-number":
            number = _value_number(part)
            if number is not None:
                yield number


def _value_number(parameter: Element) -> int | None:
    """Return the number of a parameter: a string, since R4 has no 64-bit type, or any integer type."""
    names = (
        "valueString",
        "valueInteger64",
        "valueUnsignedInt",
        "valuePositiveInt",
        "valueInteger",
    )
    return next((_number(parameter[name]) for name in names if name in parameter), None)


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**_MAX_DIGITS:
        return value
    return None


def _is_status(parameters: Element) -> bool:
    """Whether it is a status: by its profile, else by a combination of parameters that only a status has."""
    meta = child(parameters, "meta", "Parameters") or {}
    profiles = meta.get("profile")
    if isinstance(profiles, list) and any(isinstance(p, str) and _PROFILE in p for p in profiles):
        return True
    # A list: what stands there in place of a name may have no hash.
    names = [
        parameter.get("name") for _, parameter in children(parameters, "parameter", "Parameters")
    ]
    return "subscription" in names and "type" in names


def _focus(event: Element, path: str) -> Iterator[str]:
    for at, part in children(event, "part", path):
        if string(part, "name", at) == "focus":
            reference = _reference(child(part, "valueReference", at), at)
            if reference is not None:
                yield reference


def _reference(element: Element | None, path: str) -> str | None:
    return string(element, "reference", path) if element else None


def events(
    notification: Status, entries: Sequence[Entry], context: Context
) -> Sequence[ReportEvent]:
    """Return the events of a notification's reports, in its order; none for a handshake or heartbeat.

    Raises:
        UnreadableReport: notification-without-focus, no-report-in-bundle.
    """
    if notification.type in KEEPING_IN_TOUCH:
        return []
    sent = {reference: entry for entry in entries[1:] for reference in _names(entry)}
    found = [
        event for reference in notification.focus for event in _of_focus(reference, sent, context)
    ]
    if not found:  # the focus is missing or has another type, but the Bundle has reports
        carried = [next(iter(_names(entry)), "") for entry in entries[1:] if _is_report(entry)]
        found = [event for reference in carried for event in _of_focus(reference, sent, context)]
    if not found:
        nothing_said = not notification.focus and len(entries) <= 1
        raise UnreadableReport(
            Reason.NOTIFICATION_WITHOUT_FOCUS if nothing_said else Reason.NO_REPORT_IN_BUNDLE
        )
    return found


def _of_focus(reference: str, sent: dict[str, Entry], context: Context) -> Iterator[ReportEvent]:
    named = literal_reference(reference)
    entry = sent.get(reference) or (sent.get(named.unversioned) if named is not None else None)
    if entry is None:
        if named is not None and named.type in REPORT_TYPES:
            yield ReportEvent(operation=context.operation, source=named)
        return
    (at, element), resource = entry
    request = child(element, "request", at) or {}
    deleted = string(request, "method", f"{at}.request") == "DELETE"
    operation = Operation.DELETE if deleted else context.operation
    if resource is not None and resource.get("resourceType") in REPORT_TYPES:
        yield event_from_resource(
            resource, context.deeper(operation=operation, reference=reference)
        )
    elif named is not None and named.type in REPORT_TYPES:
        yield ReportEvent(operation=operation, source=named)


def _names(entry: Entry) -> Iterator[str]:
    """Return every reference that names an entry."""
    (at, element), resource = entry
    full_url = string(element, "fullUrl", at)
    if full_url is not None:
        yield full_url
        named = literal_reference(full_url)
        if named is not None:
            yield named.unversioned
    if resource is not None and isinstance(resource.get("id"), str):
        yield f"{resource.get('resourceType')}/{resource['id']}"
    request = child(element, "request", at) or {}
    url = string(request, "url", f"{at}.request")
    if url is not None and (named := literal_reference(url)) is not None:
        yield named.unversioned


def _is_report(entry: Entry) -> bool:
    return any(
        (named := literal_reference(name)) is not None and named.type in REPORT_TYPES
        for name in _names(entry)
    )
