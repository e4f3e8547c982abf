"""What a run, a retraction or an unreadable version changes: the entries to write and the next head. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from oncofhir.fhir.build import Plan
from oncofhir.fhir.conditions import entered_in_error
from oncofhir.fhir.context import Context
from oncofhir.fhir.fingerprint import fingerprint
from oncofhir.fhir.head import Head, SourceVersion, StoredResource, to_task
from oncofhir.fhir.identifiers import IdentifierSystems
from oncofhir.fhir.provenance import provenance
from oncofhir.fhir.transaction import head_entry, put
from oncofhir.schemas.base import Value
from oncofhir.schemas.event import SourceReference
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.identity import resource_key
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow, RowStatus
from oncofhir.schemas.reasons import Reason
from oncofhir.schemas.report import Report


def entry_of(head: Head, systems: IdentifierSystems) -> dict[str, Any]:
    """The entry that writes a head."""
    return head_entry(to_task(head, systems), head, systems)


def version_of(report: Report) -> SourceVersion:
    """What tells this version of the report from others."""
    return SourceVersion(
        version=report.source.version,
        last_updated=report.source_last_updated,
        status=report.status,
    )


def changes(
    context: Context,
    plan: Plan,
    extraction: Extraction,
    head: Head | None,
    stored: dict[str, dict[str, Any]],
) -> tuple[list[dict[str, Any]], Head]:
    """The entries that bring the store from the head's state to the plan's, and the new head."""
    known = dict(head.resources) if head else {}
    entries: list[dict[str, Any]] = []
    resources: dict[str, StoredResource] = {}
    conflicts: set[str] = set()
    for slot, resource in plan.resources.items():
        reference, mark = f"{resource['resourceType']}/{resource['id']}", fingerprint(resource)
        before, current = known.pop(slot, None), stored.get(reference)
        if before and current is not None and fingerprint(current) != before.fingerprint:
            conflicts.add(reference)
            resources[slot] = before
            continue
        resources[slot] = StoredResource(reference=reference, fingerprint=mark)
        if before is None or current is None or before.withdrawn or mark != before.fingerprint:
            entries.append(put(resource, (current or {}).get("meta", {}).get("versionId")))
    vanished = withdrawals(known, stored)
    entries += vanished.entries
    resources |= vanished.resources
    conflicts |= vanished.conflicts
    revision = head.revision + 1 if head else 1
    rows = [
        row.model_copy(update={"status": RowStatus.HUMAN_EDITED})
        if row.resource in conflicts
        else row
        for row in plan.rows
    ]
    present = {row.finding for row in rows}
    rows += [
        row.model_copy(
            update={
                "revision": revision,
                "status": RowStatus.HUMAN_EDITED
                if row.resource in conflicts
                else RowStatus.WITHDRAWN,
            }
        )
        for row in (head.rows if head else ())
        if row.finding not in present
    ]
    new = _head_of(context, extraction, head, resources, tuple(rows), len(conflicts))
    written = [f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in entries]
    if written:
        entries.append(put(provenance(context, written, f"revision-{revision}")))
    return [*entries, entry_of(new, context.systems)], new


def _head_of(
    context: Context,
    extraction: Extraction,
    head: Head | None,
    resources: dict[str, StoredResource],
    rows: tuple[PhenotypeRow, ...],
    conflicts: int,
) -> Head:
    report, run = context.report, context.run
    key = resource_key(context.source_name, report.source)
    rejected: dict[str, int] = {}
    for finding in extraction.rejected:
        rejected[finding.reason.value] = rejected.get(finding.reason.value, 0) + 1
    revision = head.revision + 1 if head else 1
    outcome = OutcomeRow(
        document=context.document,
        revision=revision,
        status=OutcomeStatus.FOUND if extraction.findings else OutcomeStatus.NOTHING_FOUND,
        source=report.source.unversioned,
        source_version=report.source.version,
        run=run.id,
        findings=len(extraction.findings),
        rejected=rejected,
        conflicts=conflicts,
        model=run.model.name,
        model_digest=run.model.digest,
        prompt_set=f"{run.prompt_set.name}@{run.prompt_set.version}",
        software=run.software_version,
        recorded=context.recorded,
    )
    return Head(
        id=head.id if head else None,
        version_id=head.version_id if head else None,
        document=context.document,
        content=report.content_key,
        subject=report.subject,
        security=tuple(label.model_dump(exclude_none=True) for label in report.security),
        sources=tuple(dict.fromkeys([*(head.sources if head else ()), key])),
        source=report.source,
        at=version_of(report),
        run=run.id,
        revision=revision,
        resources=resources,
        rows=rows,
        outcome=outcome,
    )


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
    }
    return head.model_copy(update=update)


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
        if gone.withdrawn or current is None:
            continue
        if fingerprint(current) != gone.fingerprint:
            conflicts.add(gone.reference)
            continue
        withdrawn = entered_in_error(current)
        entries.append(put(withdrawn, current.get("meta", {}).get("versionId")))
        resources[slot] = StoredResource(
            reference=gone.reference, fingerprint=fingerprint(withdrawn), withdrawn=True
        )
    return Withdrawals(entries=tuple(entries), resources=resources, conflicts=frozenset(conflicts))


def rows_as(head: Head, status: RowStatus, conflicts: frozenset[str]) -> tuple[PhenotypeRow, ...]:
    """The head's rows in their next revision; those withdrawn stay so, a human's edit is told."""
    return tuple(
        row.model_copy(
            update={
                "revision": head.revision + 1,
                "status": RowStatus.HUMAN_EDITED
                if row.resource in conflicts
                else row.status
                if row.status is RowStatus.WITHDRAWN
                else status,
            }
        )
        for row in head.rows
    )
