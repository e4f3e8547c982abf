"""Plans the withdrawal of findings: entered-in-error, except for those that a human edited. Pure."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from oncofhir.fhir import codes
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.entries import put_entry, version_id_of
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head, StoredResource
from oncofhir.schemas.base import Value
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.outcome import OutcomeStatus, PhenotypeRow
from oncofhir.schemas.reasons import Reason

_META_KEPT = frozenset({"profile", "security", "tag"})


class Withdrawal(Value):
    """The entries that withdraw resources.

    `resources` is what the head tracks afterwards, by slot, and `conflicts` are the references of those
    that humans edited and that stay as they are.
    """

    entries: tuple[dict[str, Any], ...]
    resources: dict[str, StoredResource]
    conflicts: frozenset[str]


def is_edited(before: StoredResource, current: dict[str, Any] | None) -> bool:
    """Whether a human edited or deleted the resource since this service wrote it."""
    return current is None or fingerprint(current) != before.fingerprint


def plan_withdrawal(
    known: Mapping[str, StoredResource],
    stored: Mapping[str, dict[str, Any]],
    reviewed: Collection[str] = (),
) -> Withdrawal:
    """Withdraw the known resources that are in the store and that no human edited.

    `known` is by slot, and `stored` by reference. `reviewed` are references that humans decided on.
    """
    entries: list[dict[str, Any]] = []
    resources = dict(known)
    conflicts: set[str] = set()
    for slot, resource in known.items():
        current = stored.get(resource.reference)
        if resource.withdrawn:
            continue
        is_reviewed = resource.reference in reviewed
        if current is None or is_reviewed or is_edited(resource, current):
            conflicts.add(resource.reference)
            continue
        withdrawn = entered_in_error(current)
        entries.append(put_entry(withdrawn, version_id_of(current)))
        resources[slot] = StoredResource(
            reference=resource.reference, fingerprint=fingerprint(withdrawn), withdrawn=True
        )
    return Withdrawal(entries=tuple(entries), resources=resources, conflicts=frozenset(conflicts))


def entered_in_error(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the resource with the status entered-in-error.

    A Condition has no clinicalStatus then (R4 condition, con-5). A BodyStructure has no such status and
    becomes inactive.
    """
    withdrawn = {key: value for key, value in resource.items() if key != "text"}
    meta = resource.get("meta", {})
    withdrawn["meta"] = {key: value for key, value in meta.items() if key in _META_KEPT}
    if resource["resourceType"] == "Condition":
        withdrawn.pop("clinicalStatus", None)
        withdrawn["verificationStatus"] = codes.concept(
            codes.VERIFICATION_STATUS, "entered-in-error", "Entered in Error"
        )
    elif resource["resourceType"] == "BodyStructure":
        withdrawn["active"] = False
    else:
        withdrawn["status"] = "entered-in-error"
    return withdrawn


def next_head(
    head: Head,
    source: SourceReference,
    version: SourceVersion,
    status: OutcomeStatus,
    reason: Reason,
    rows: tuple[PhenotypeRow, ...],
    resources: dict[str, StoredResource],
    *,
    software: str,
    recorded: datetime,
    conflicts: int = 0,
) -> Head:
    """Build the head that follows a retraction, or a version that cannot be read."""
    is_retracted = status is OutcomeStatus.RETRACTED
    outcome = head.outcome.model_copy(
        update={
            "revision": head.revision + 1,
            "status": status,
            "reason": reason.value,
            "source_version": source.version,
            "findings": 0 if is_retracted else head.outcome.findings,
            "unprofiled": {} if is_retracted else head.outcome.unprofiled,
            "recorded": recorded,
            "conflicts": conflicts,
            "software": software,
        }
    )
    update = {
        "source": source,
        "version": version,
        "run": None,
        "revision": head.revision + 1,
        "resources": resources,
        "rows": rows,
        "outcome": outcome,
        "write_in_progress": False,
    }
    return head.model_copy(update=update)
