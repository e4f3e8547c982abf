"""How findings cease to stand: entered in error, unless a human took them up. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from oncofhir.fhir.mapping.conditions import entered_in_error
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head, StoredResource
from oncofhir.fhir.store.strategies.transaction import put
from oncofhir.schemas.base import Value
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeStatus, PhenotypeRow
from oncofhir.schemas.reasons import Reason


def is_edited(before: StoredResource, current: dict[str, Any] | None) -> bool:
    """Whether a human changed or removed what we wrote: nobody else does."""
    return current is None or fingerprint(current) != before.fingerprint


class Withdrawals(Value):
    """The entries that mark resources entered-in-error, what the head knows then, and what people keep."""

    entries: tuple[dict[str, Any], ...]
    resources: dict[str, StoredResource]
    conflicts: frozenset[str]


def withdrawals(
    known: Mapping[str, StoredResource], stored: Mapping[str, dict[str, Any]]
) -> Withdrawals:
    """Withdraw what the head knows and the store has, but for what a human changed since."""
    entries: list[dict[str, Any]] = []
    resources = dict(known)
    conflicts: set[str] = set()
    for slot, gone in known.items():
        current = stored.get(gone.reference)
        if gone.withdrawn:
            continue
        if current is None or is_edited(gone, current):
            conflicts.add(gone.reference)
            continue
        withdrawn = entered_in_error(current)
        entries.append(put(withdrawn, current.get("meta", {}).get("versionId")))
        resources[slot] = StoredResource(
            reference=gone.reference, fingerprint=fingerprint(withdrawn), withdrawn=True
        )
    return Withdrawals(entries=tuple(entries), resources=resources, conflicts=frozenset(conflicts))


def successor(
    head: Head,
    source: SourceReference,
    at: SourceVersion,
    status: OutcomeStatus,
    reason: Reason,
    rows: tuple[PhenotypeRow, ...],
    resources: dict[str, StoredResource],
    *,
    software: str,
    recorded: datetime,
    conflicts: int = 0,
) -> Head:
    """The head after a retraction, or after a version that cannot be read."""
    outcome = head.outcome.model_copy(
        update={
            "revision": head.revision + 1,
            "status": status,
            "reason": reason.value,
            "source_version": source.version,
            "findings": 0 if status is OutcomeStatus.RETRACTED else head.outcome.findings,
            "unprofiled": {} if status is OutcomeStatus.RETRACTED else head.outcome.unprofiled,
            "recorded": recorded,
            "conflicts": conflicts,
            "software": software,
        }
    )
    update = {
        "source": source,
        "at": at,
        "run": None,
        "revision": head.revision + 1,
        "resources": resources,
        "rows": rows,
        "outcome": outcome,
        "writing": False,
    }
    return head.model_copy(update=update)
