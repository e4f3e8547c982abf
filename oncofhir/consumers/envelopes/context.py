"""What the envelopes share: what is known before an envelope is opened, and the event of a resource."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from oncofhir.fhir.elements import child, string
from oncofhir.fhir.references import is_id, literal_reference
from oncofhir.schemas.errors import UnreadableReport
from oncofhir.schemas.event import Operation, ReportEvent, SourceReference
from oncofhir.schemas.reasons import Reason

MAX_NESTING = 5  # of envelopes: a CloudEvent of a message of a notification is three


@dataclass(frozen=True)
class Context:
    """What outer envelopes say of what they hold: the operation, and the resource's reference.

    `unsupported` is the reason not to read it when they declare a version of FHIR that is not read.
    """

    operation: Operation = Operation.UPSERT
    reference: str | None = None
    companions: tuple[dict[str, Any], ...] = ()
    nesting: int = 0
    unsupported: Reason | None = None

    def deeper(
        self, *, operation: Operation | None = None, reference: str | None = None
    ) -> "Context":
        """The context one envelope further in."""
        return replace(
            self,
            operation=operation or self.operation,
            reference=reference or self.reference,
            nesting=self.nesting + 1,
        )


Open = Callable[[Any, Context], Sequence[ReportEvent]]
"""Opens whatever an envelope held."""

Shape = Callable[[Mapping[str, Any], Context, Open], Sequence[ReportEvent] | None]
"""Opens one kind of envelope; None when it is not of that kind."""


def event_from_resource(resource: dict[str, Any], context: Context) -> ReportEvent:
    """The event of a report's own JSON; id and version come from around it where it has none.

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
    """What a word such as `DELETE`, `created` or `FhirResourceDeleted` says happened, if it is a word."""
    if not isinstance(word, str):
        return None
    return Operation.DELETE if word.lower().endswith(("delete", "deleted")) else Operation.UPSERT
