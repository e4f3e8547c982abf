"""What a run changes: the entries to write and the next head. Pure."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.mapping.build import Plan
from oncofhir.fhir.mapping.lesions import lesion_keys
from oncofhir.fhir.mapping.provenance import provenance
from oncofhir.fhir.mapping.r4_validation import validate
from oncofhir.fhir.mapping.rows import next_rows
from oncofhir.fhir.mapping.run_context import RunContext, count_unprofiled
from oncofhir.fhir.review.model import StoredLesion, stored_lesion, stored_rejections
from oncofhir.fhir.source_version import SourceVersion
from oncofhir.fhir.store.carry_over import carry_over, is_unchanged, labels_changed
from oncofhir.fhir.store.entries import put_entry, reference_to, version_id_of
from oncofhir.fhir.store.fingerprint import fingerprint
from oncofhir.fhir.store.head import AliasVersion, Head, StoredResource
from oncofhir.fhir.store.withdrawal import is_edited, plan_withdrawal
from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.identity import document_id, finding_id, resource_key
from oncofhir.schemas.outcome import OutcomeRow, OutcomeStatus, PhenotypeRow
from oncofhir.schemas.report import Report


def report_version(report: Report) -> SourceVersion:
    """Return what distinguishes this version of the report from others."""
    return SourceVersion(
        version=report.source.version,
        last_updated=report.source_last_updated,
        status=report.status,
    )


class _ResourceChanges(Value):
    """Entries, what the head tracks afterwards by slot, and the references of human-edited resources."""

    entries: tuple[dict[str, Any], ...]
    resources: dict[str, StoredResource]
    conflicts: frozenset[str]


def document_diff(
    context: RunContext,
    plan: Plan,
    extraction: Extraction,
    head: Head | None,
    stored: Mapping[str, dict[str, Any]],
) -> tuple[list[dict[str, Any]], Head]:
    """Compare the plan with the head, and return the entries (Provenance last) and the new head.

    `stored` is what the store has of the head's resources, by reference.
    """
    changed = _resource_changes(context, plan, head, stored)
    revision = head.revision + 1 if head else 1
    rows = next_rows(plan.rows, head.rows if head else (), revision, changed.conflicts)
    new = _next_head(context, plan, extraction, head, changed, rows)
    unedited = [
        resource.reference
        for resource in changed.resources.values()
        if resource.reference not in changed.conflicts
    ]
    task = f"Task/{new.id}" if new.id else f"urn:uuid:{new.document}"
    run = provenance(context, [*unedited, task], f"revision-{revision}")
    validate(run)
    return [*changed.entries, put_entry(run)], new


def _resource_changes(
    context: RunContext,
    plan: Plan,
    head: Head | None,
    stored: Mapping[str, dict[str, Any]],
) -> _ResourceChanges:
    tracked = dict(head.resources) if head else {}
    reviewed = head.reviewed_resources if head else frozenset()
    entries: list[dict[str, Any]] = []
    resources: dict[str, StoredResource] = {}
    conflicts: set[str] = set()
    relabelled = labels_changed(context.report, head)
    for slot, planned in plan.resources.items():
        before = tracked.pop(slot, None)
        reference = reference_to(planned)
        current = stored.get(reference)
        if before and (before.reference in reviewed or is_edited(before, current)):
            conflicts.add(before.reference)
            resources[slot] = before
            continue
        resource = carry_over(planned, current, head)
        mark = fingerprint(resource)
        resources[slot] = StoredResource(reference=reference, fingerprint=mark)
        if before is None and current is not None:
            # The document's head was lost: a difference may be a human's edit.
            if fingerprint(current) != mark:
                conflicts.add(reference)
            continue
        if (
            not before
            or before.withdrawn
            or not is_unchanged(resource, current, before, relabelled=relabelled)
        ):
            entries.append(put_entry(resource, version_id_of(current)))
    vanished = plan_withdrawal(tracked, stored, reviewed)
    return _ResourceChanges(
        entries=(*entries, *vanished.entries),
        resources=resources | vanished.resources,
        conflicts=frozenset(conflicts | vanished.conflicts),
    )


def _next_head(
    context: RunContext,
    plan: Plan,
    extraction: Extraction,
    head: Head | None,
    changed: _ResourceChanges,
    rows: tuple[PhenotypeRow, ...],
) -> Head:
    report = context.report
    key = resource_key(context.source_name, report.source)
    content = document_id(context.source_name, report.subject, report.content_key)
    revision = head.revision + 1 if head else 1
    text_hash = report.words_sha256
    aliases = dict(head.aliases) if head else {}
    aliases.pop(report.source.unversioned, None)
    if head and head.source.unversioned != report.source.unversioned:
        # Another resource owned the document until now: it becomes an alias.
        aliases[head.source.unversioned] = AliasVersion(
            version=head.version, text_hash=head.current_text_hash
        )
    return Head(
        id=head.id if head else None,
        version_id=head.version_id if head else None,
        document=context.document,
        contents=_with(head.contents if head else (), content),
        subject=report.subject,
        security=tuple(label.model_dump(exclude_none=True) for label in report.security),
        sources=_with(head.sources if head else (), key),
        source=report.source,
        version=report_version(report),
        run=context.run.id,
        revision=revision,
        resources=changed.resources,
        parts=(head.parts if head else {}) | plan.parts,
        rows=rows,
        outcome=_outcome(context, plan, extraction, revision, len(changed.conflicts)),
        intents=head.intents if head else (),
        server_ids=head.server_ids if head else {},
        text_hashes=(*(h for h in (head.text_hashes if head else ()) if h != text_hash), text_hash),
        aliases=aliases,
        reviews=head.reviews if head else {},
        reviewed_content=head.reviewed_content if head else {},
        rejected=stored_rejections(extraction.rejected),
        lesions=_lesions(context.document, extraction),
    )


def _lesions(document: str, extraction: Extraction) -> tuple[StoredLesion, ...]:
    keys = lesion_keys(extraction.lesions)
    return tuple(
        stored_lesion(lesion, finding_id(document, keys[lesion.id]))
        for lesion in extraction.lesions
    )


def _outcome(
    context: RunContext, plan: Plan, extraction: Extraction, revision: int, conflicts: int
) -> OutcomeRow:
    report, run = context.report, context.run
    return OutcomeRow(
        document=context.document,
        revision=revision,
        status=OutcomeStatus.FOUND if plan.rows else OutcomeStatus.NOTHING_FOUND,
        source=report.source.unversioned,
        source_version=report.source.version,
        run=run.id,
        findings=len(plan.rows),
        rejected=dict(Counter(finding.reason.value for finding in extraction.rejected)),
        warnings=report.warnings,
        unprofiled=count_unprofiled(plan.resources.values(), context.systems),
        conflicts=conflicts,
        model=run.model.name,
        model_digest=run.model.digest,
        prompt_set=f"{run.prompt_set.name}@{run.prompt_set.version}",
        software=run.software_version,
        recorded=context.recorded,
    )


def _with(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*values, value)))
