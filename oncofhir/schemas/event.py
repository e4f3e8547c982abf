"""Events of the input topics: a report was written or deleted."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import SkipValidation

from oncofhir.schemas.base import Value
from oncofhir.schemas.reasons import Reason

REPORT_TYPES = ("DiagnosticReport", "DocumentReference")


class Operation(StrEnum):
    """What happened to the resource at its source."""

    UPSERT = "upsert"
    DELETE = "delete"


class SourceReference(Value):
    """A resource at its source: type, logical id and, if known, the version.

    `str()` returns the FHIR reference, versioned if the version is known
    (http://hl7.org/fhir/R4/references.html#literal).
    """

    type: str
    id: str
    version: str | None = None

    @property
    def unversioned(self) -> str:
        return f"{self.type}/{self.id}"

    def __str__(self) -> str:
        return (
            self.unversioned
            if self.version is None
            else f"{self.unversioned}/_history/{self.version}"
        )


class ReportEvent(Value):
    """One report to process, as an event announced it. A record may announce several.

    `resource` is the resource's JSON when the event carried it, else None and it is fetched.
    `companions` are the resources of the same Bundle, this one included, that references may resolve to.
    `unreadable` is the reason why resolving it raises: one entry of a Bundle that holds good reports too
    names none itself (`source` is then the entry, `Bundle/entry-3`), or the envelope declares a version of
    FHIR that is not read.
    """

    operation: Operation
    source: SourceReference
    resource: dict[str, Any] | None = None
    # Not validated: the reports of one Bundle share one tuple, and a copy each would be quadratic.
    companions: Annotated[tuple[dict[str, Any], ...], SkipValidation] = ()
    unreadable: Reason | None = None
