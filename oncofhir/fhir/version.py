"""Which version of a report a resource is, read leniently: also from one that cannot be read otherwise."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from oncofhir.fhir.head import SourceVersion


def version_in(resource: Mapping[str, Any] | None, announced: str | None = None) -> SourceVersion:
    """meta.versionId, meta.lastUpdated and the status; what is missing or malformed is left out.

    `announced` is the version that the event named: it counts where there is no resource.
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


def _instant(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
