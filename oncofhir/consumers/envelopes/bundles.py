"""Bundles: http://hl7.org/fhir/R4/bundle.html; messages: http://hl7.org/fhir/R4/messaging.html."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oncofhir.consumers.envelopes import subscription_notifications as notifications
from oncofhir.consumers.envelopes.context import Context, Open, event_from_resource, operation_of
from oncofhir.fhir.bundle_references import with_literal_references
from oncofhir.fhir.elements import Element, child, children, codings, string
from oncofhir.fhir.references import literal_reference
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import REPORT_TYPES, Operation, ReportEvent, SourceReference
from oncofhir.schemas.reasons import Reason


def events(bundle: Mapping[str, Any], context: Context, open_inner: Open) -> Sequence[ReportEvent]:
    """Return the events of a Bundle's reports, oldest first, each with the Bundle's other resources.

    Raises:
        UnreadableReport: no-report-in-bundle, notification-without-focus and what its entries raise.
    """
    entries = list(children(bundle, "entry", "Bundle"))
    kind = string(bundle, "type", "Bundle")
    resources = with_literal_references(
        [(string(entry, "fullUrl", at), _resource(at, entry)) for at, entry in entries]
    )
    companions = tuple(resource for resource in resources if resource is not None)
    inner = Context(
        operation=context.operation,
        reference=context.reference if len(entries) == 1 else None,
        companions=companions,
        nesting=context.nesting,
        unsupported=context.unsupported,
    )
    if companions and (status := notifications.status(companions[0])) is not None:
        return notifications.events(status, list(zip(entries, resources, strict=True)), inner)
    if companions and companions[0].get("resourceType") == "MessageHeader":
        inner = inner.deeper(operation=_message_operation(companions[0]))
    found: list[ReportEvent] = []
    failed: list[UnreadableReport] = []
    for index, ((at, entry), resource) in enumerate(zip(entries, resources, strict=True)):
        try:
            found += _of_entry(at, entry, resource, inner, open_inner)
        except UnreadableReport as error:
            failed.append(error)
            source = SourceReference(type="Bundle", id=f"entry-{index}")
            found.append(
                ReportEvent(operation=inner.operation, source=source, unreadable=error.reason)
            )
    if failed and len(failed) == len(found):  # no entry could be read: the record itself is invalid
        raise failed[0]
    if not found:
        found = list(_message_focus(companions, inner))
    if not found:
        raise UnreadableReport(Reason.NO_REPORT_IN_BUNDLE)
    # A history lists the newest version first (http://hl7.org/fhir/R4/http.html#history).
    return found[::-1] if kind == "history" else found


def _resource(at: str, entry: Element) -> dict[str, Any] | None:
    resource = child(entry, "resource", at)
    return dict(resource) if resource is not None else None


def _of_entry(
    at: str, entry: Element, resource: dict[str, Any] | None, context: Context, open_inner: Open
) -> Iterator[ReportEvent]:
    request = child(entry, "request", at) or {}
    method = string(request, "method", f"{at}.request")
    named = _named(at, entry, request)
    if resource is None:
        if named is not None and named.type in REPORT_TYPES and method not in {"GET", "HEAD"}:
            deleted = method == "DELETE" or context.operation is Operation.DELETE
            operation = Operation.DELETE if deleted else Operation.UPSERT
            yield ReportEvent(operation=operation, source=named)
        return
    kind = resource.get("resourceType")
    if kind == "Bundle":
        yield from open_inner(resource, context.deeper())
    elif kind in REPORT_TYPES:
        reference = str(named) if named is not None else context.reference
        operation = Operation.DELETE if method == "DELETE" else context.operation
        yield event_from_resource(
            resource, context.deeper(operation=operation, reference=reference)
        )


def _named(at: str, entry: Element, request: Element) -> SourceReference | None:
    """Return what an entry refers to: response.location (with version), else fullUrl, else request.url."""
    response = child(entry, "response", at) or {}
    for text in (
        string(response, "location", f"{at}.response"),
        string(entry, "fullUrl", at),
        string(request, "url", f"{at}.request"),
    ):
        named = literal_reference(text) if text else None
        if named is not None:
            return named
    return None


def _message_operation(header: Element) -> Operation | None:
    """Return the operation that a message's event names (a deletion at Redox: `…/DocumentDeleted`)."""
    uri = string(header, "eventUri", "MessageHeader")
    names = [uri] if uri else [c.code for c in codings(header, "eventCoding", "MessageHeader")]
    coding = child(header, "eventCoding", "MessageHeader")
    code = string(coding, "code", "MessageHeader.eventCoding") if coding else None
    return operation_of(uri or code or next(iter(names), None))


def _message_focus(companions: Sequence[Element], context: Context) -> Iterator[ReportEvent]:
    """Return the events of a lightweight message, which only refers to its focus."""
    header = companions[0] if companions else {}
    if header.get("resourceType") != "MessageHeader":
        return
    for at, focus in children(header, "focus", "MessageHeader"):
        reference = string(focus, "reference", at)
        named = literal_reference(reference) if reference else None
        if named is not None and named.type in REPORT_TYPES:
            yield ReportEvent(operation=context.operation, source=named)
