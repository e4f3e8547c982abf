"""What a run changes: the entries to write and the next head. Pure."""

from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.mapping.build import Plan
from oncofhir.fhir.mapping.provenance import provenance
from oncofhir.fhir.mapping.r4_validation import check
from oncofhir.fhir.mapping.rows import next_rows
from oncofhir.fhir.mapping.run_context import Context, unprofiled_of
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.carry_over import followed, is_relabelled, is_same
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import Head, Shown, StoredResource
from oncofhir.fhir.store.strategies.transaction import put
from oncofhir.fhir.store.withdrawal import is_edited, withdrawals
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.identity import document_id, resource_key
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow
from oncofhir.schemas.report import Report


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
    stored: Mapping[str, dict[str, Any]],
) -> tuple[list[dict[str, Any]], Head]:
    """The entries that bring findings from the head's state to the plan's, Provenance last; the new head.

    `stored` is what the store has of the head's resources, by reference.
    """
    known = dict(head.resources) if head else {}
    entries: list[dict[str, Any]] = []
    resources: dict[str, StoredResource] = {}
    conflicts: set[str] = set()
    relabelled = is_relabelled(context.report, head)
    for slot, planned in plan.resources.items():
        before = known.pop(slot, None)
        reference = f"{planned['resourceType']}/{planned['id']}"
        current = stored.get(reference)
        if before and is_edited(before, current):
            conflicts.add(before.reference)
            resources[slot] = before
            continue
        resource = followed(planned, current, head)
        mark = fingerprint(resource)
        resources[slot] = StoredResource(reference=reference, fingerprint=mark)
        if before is None and current is not None:
            # Its head was lost: what differs may be a human's.
            if fingerprint(current) != mark:
                conflicts.add(reference)
            continue
        if (
            not before
            or before.withdrawn
            or not is_same(resource, current, mark, before, relabelled=relabelled)
        ):
            entries.append(put(resource, (current or {}).get("meta", {}).get("versionId")))
    vanished = withdrawals(known, stored)
    entries += vanished.entries
    resources |= vanished.resources
    conflicts |= vanished.conflicts
    revision = head.revision + 1 if head else 1
    rows = next_rows(plan.rows, head.rows if head else (), revision, conflicts)
    new = _head_of(context, plan, extraction, head, resources, rows, len(conflicts))
    standing = [r.reference for r in resources.values() if r.reference not in conflicts]
    targets = [*standing, _reference_to(new)]
    run = provenance(context, targets, f"revision-{revision}")
    check(run)
    return [*entries, put(run)], new


def _reference_to(head: Head) -> str:
    """The head's Task: by its id, or within the transaction that creates it."""
    return f"Task/{head.id}" if head.id else f"urn:uuid:{head.document}"


def _head_of(
    context: Context,
    plan: Plan,
    extraction: Extraction,
    head: Head | None,
    resources: dict[str, StoredResource],
    rows: tuple[PhenotypeRow, ...],
    conflicts: int,
) -> Head:
    report, run = context.report, context.run
    key = resource_key(context.source_name, report.source)
    content = document_id(context.source_name, report.subject, report.content_key)
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
        warnings=report.warnings,
        unprofiled=unprofiled_of(plan.resources.values(), context.systems),
        conflicts=conflicts,
        model=run.model.name,
        model_digest=run.model.digest,
        prompt_set=f"{run.prompt_set.name}@{run.prompt_set.version}",
        software=run.software_version,
        recorded=context.recorded,
    )
    words = report.words_sha256
    others = dict(head.others) if head else {}
    others.pop(report.source.unversioned, None)
    if head and head.source.unversioned != report.source.unversioned:
        others[head.source.unversioned] = Shown(at=head.at, words=head.shows)
    return Head(
        id=head.id if head else None,
        version_id=head.version_id if head else None,
        document=context.document,
        contents=_with(head.contents if head else (), content),
        subject=report.subject,
        security=tuple(label.model_dump(exclude_none=True) for label in report.security),
        sources=_with(head.sources if head else (), key),
        source=report.source,
        at=version_of(report),
        run=run.id,
        revision=revision,
        resources=resources,
        parts=(head.parts if head else {}) | plan.parts,
        rows=rows,
        outcome=outcome,
        announced=head.announced if head else (),
        names=head.names if head else {},
        words=(*(w for w in (head.words if head else ()) if w != words), words),
        others=others,
    )


def _with(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*values, value)))
