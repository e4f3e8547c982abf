"""The version of a report, and the order of two versions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from oncofhir.schemas.base import Value
from oncofhir.schemas.event import SourceReference

# Orders versions by status when nothing else does (R4 diagnostic-report-status).
_STATUS_RANK = {
    "registered": 0,
    "partial": 1,
    "preliminary": 2,
    "current": 3,
    "final": 3,
    "amended": 4,
    "corrected": 4,
    "appended": 4,
    "superseded": 5,
    "cancelled": 6,
    "entered-in-error": 7,
}


class SourceVersion(Value):
    """What distinguishes one version of a report from another; `status` is the status of the report."""

    version: str | None = None
    last_updated: datetime | None = None
    status: str = "final"

    def after(self, known: "SourceVersion") -> "SourceVersion":
        """Return this version, or `known` with this status if this one states only a status.

        A deletion often names no version; keeping the last known one makes a restored report recognisable.
        """
        if self.version is not None or self.last_updated is not None:
            return self
        return known.model_copy(update={"status": self.status})

    def older_than(self, other: "SourceVersion") -> bool:
        """Compare by last update, else by version number, else by the rank of the status."""
        if self.last_updated and other.last_updated and self.last_updated != other.last_updated:
            return self.last_updated < other.last_updated
        mine, theirs = self.version, other.version
        if mine and theirs and mine.isdigit() and theirs.isdigit() and mine != theirs:
            return int(mine) < int(theirs)
        return _STATUS_RANK.get(self.status, 3) < _STATUS_RANK.get(other.status, 3)


NEVER_READ = SourceVersion(status="registered")


def source_version_of(
    resource: Mapping[str, Any] | None, announced: str | None = None
) -> SourceVersion:
    """Read meta.versionId, meta.lastUpdated and the status; missing or malformed values are left out.

    Lenient: works on resources that cannot be read otherwise. `announced` is the version that the event
    named; it is used if there is no resource.
    """
    if resource is None:
        return SourceVersion(version=announced, status="entered-in-error")
    meta = resource.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    version, updated = meta.get("versionId"), meta.get("lastUpdated")
    status = resource.get("docStatus") or resource.get("status")
    return SourceVersion(
        version=version if isinstance(version, str) else None,
        last_updated=_instant(updated),
        status=status if isinstance(status, str) else "unknown",
    )


def with_version(source: SourceReference, at: SourceVersion) -> SourceReference:
    """Return the reference with the version's number, if it has none of its own."""
    if source.version or at.version is None:
        return source
    return source.model_copy(update={"version": at.version})


def _instant(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
