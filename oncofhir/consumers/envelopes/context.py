"""Shared by the envelopes: what outer envelopes state, and the event of a resource."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oncofhir.fhir.elements import child, string
from oncofhir.fhir.references import is_id, literal_reference
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import Operation, ReportEvent, SourceReference
from oncofhir.schemas.reasons import Reason

MAX_NESTING = 5  # a CloudEvent that holds a message that holds a notification is three


@dataclass(frozen=True)
class Context:
    """What outer envelopes state about their content: the operation and the resource's reference.

    `unsupported` is the reason why it is not read, if they declare a FHIR version that is not supported.
    """

    operation: Operation = Operation.UPSERT
    reference: str | None = None
    companions: tuple[dict[str, Any], ...] = ()
    nesting: int = 0
    unsupported: Reason | None = None

    def deeper(
        self, *, operation: Operation | None = None, reference: str | None = None
    ) -> "Context":
        """Return the context of an envelope within this one."""
        return replace(
            self,
            operation=operation or self.operation,
            reference=reference or self.reference,
            nesting=self.nesting + 1,
        )


Open = Callable[[Any, Context], Sequence[ReportEvent]]
"""Decodes the content of an envelope."""

Shape = Callable[[Mapping[str, Any], Context, Open], Sequence[ReportEvent] | None]
"""Opens one kind of envelope; None when it is not of that kind."""


def event_from_resource(resource: dict[str, Any], context: Context) -> ReportEvent:
    """Return the event of a report's JSON; a missing id or version is taken from the envelope.

    Raises:
        UnreadableReport: missing-id, invalid-resource.
    """
    kind = str(resource["resourceType"])
    outer = literal_reference(context.reference) if context.reference else None
    if outer is not None and outer.type != kind:
        outer = None
    ident = string(resource, "id", kind) or (outer.id if outer is not None else None)
    if ident is None:
        raise UnreadableReport(Reason.MISSING_ID, kind)
    if not is_id(ident):
        raise UnreadableReport(Reason.INVALID_RESOURCE, f"{kind}.id")
    meta = child(resource, "meta", kind)
    version = string(meta, "versionId", f"{kind}.meta") if meta is not None else None
    if version is None and outer is not None and outer.id == ident:
        version = outer.version
    if version is not None and not is_id(version):
        raise UnreadableReport(Reason.INVALID_RESOURCE, f"{kind}.meta.versionId")
    source = SourceReference(type=kind, id=ident, version=version)
    if context.operation is Operation.DELETE:
        return ReportEvent(operation=Operation.DELETE, source=source)
    return ReportEvent(
        operation=Operation.UPSERT,
        source=source,
        resource=resource if "id" in resource else {**resource, "id": ident},
        companions=context.companions,
        unreadable=context.unsupported,
    )


def operation_of(word: object) -> Operation | None:
    """Return the operation that a word such as `DELETE`, `created` or `FhirResourceDeleted` names."""
    if not isinstance(word, str):
        return None
    return Operation.DELETE if word.lower().endswith(("delete", "deleted")) else Operation.UPSERT
