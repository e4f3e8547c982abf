"""A report as a reviewer sees it: text, tumours, findings, rejected values, history. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oncofhir.fhir.elements import instant
from oncofhir.fhir.mapping.staging import is_site_setting
from oncofhir.fhir.review.edits import machine_value, resource_status
from oncofhir.fhir.review.elements import value_in
from oncofhir.fhir.store.entries import version_id_of
from oncofhir.fhir.store.head import Head
from oncofhir.review.documents import Stored, machine_row_of
from oncofhir.review.reports.source import ShownText
from oncofhir.schemas.finding import Evidence, Kind
from oncofhir.schemas.outcome import OutcomeStatus, PhenotypeRow, ReviewStatus
from oncofhir.schemas.report import Report
from oncofhir.schemas.review import (
    HistoryEntry,
    LesionView,
    PatientView,
    RejectedValue,
    ReportChange,
    ReportView,
    ReviewedFinding,
    ReviewedValue,
    WorklistItem,
)

_CHANGES = {
    OutcomeStatus.RETRACTED: ReportChange.RETRACTED,
    OutcomeStatus.OUTDATED: ReportChange.UNREADABLE,
}


def report_view(
    head: Head,
    stored: Stored,
    items: Sequence[WorklistItem],
    shown: ShownText,
    heads_before: Sequence[Head],
    person: PatientView | None = None,
) -> ReportView:
    """Build the view of a document. `heads_before` are its head's versions, the newest first."""
    report = shown.report
    text = report if shown.is_read_text else None
    resource = shown.resource or {}
    return ReportView(
        document=head.document,
        report=head.source.unversioned,
        patient=head.subject or "",
        person=person,
        state=shown.state,
        status=resource.get("status"),
        title=_title(resource),
        version=version_id_of(resource),
        read_version=head.source.version,
        issued=instant(report.issued) if report else None,
        text=report.text if report else "",
        sections=report.sections if report else (),
        parts=report.parts if report else (),
        warnings=report.warnings if report else head.outcome.warnings,
        lesions=tuple(_lesions(head, report if text else None)),
        findings=tuple(reviewed_finding(head, stored, item, text) for item in items),
        rejected=_rejected(head, text),
        history=tuple(_history(head, heads_before)),
    )


def reviewed_finding(
    head: Head, stored: Stored, item: WorklistItem, report: Report | None
) -> ReviewedFinding:
    """Build one finding. `report` is the text that the model read, None if it cannot be shown."""
    rows = {row.finding: row for row in head.published_rows}
    row = rows[item.finding]
    review = head.reviews.get(item.finding)
    machine = machine_row_of(head, item.finding)
    is_machines = machine is not None and not (review is not None and review.added is not None)
    own = {head.server_reference(reference): reference for reference in head.references}
    resource = stored.get(own.get(item.resource, item.resource))
    current = machine_value(row)
    read = value_in(resource, row) if resource is not None and row.kind is Kind.TUMOR_SIZE else None
    if read is not None and read.number == current.number:
        current = read  # with its other dimensions
    return ReviewedFinding(
        item=item.model_copy(update={"version_id": version_id_of(resource)}),
        machine=machine_value(machine) if machine is not None and is_machines else None,
        current=_with_codings(current, row),
        evidence=tuple(_evidence(row, report)) if report is not None else (),
        opinions=review.opinions if review is not None else (),
        assumes_ajcc=report is not None
        and row.kind is Kind.CANCER_STAGE
        and row.review_status is not ReviewStatus.CORRECTED
        and row.machine_asserted
        and is_site_setting(report.text, row.codings),
        resource_status=resource_status(resource) if resource is not None else None,
        editable=resource is not None,
    )


def _with_codings(value: ReviewedValue, row: PhenotypeRow) -> ReviewedValue:
    return value.model_copy(update={"codings": row.codings})


def _evidence(row: PhenotypeRow, report: Report) -> Iterator[Evidence]:
    """The quotes of a row that are in the text, as they are there."""
    for quote in row.evidence:
        text = report.text[quote.start : quote.end]
        if text and quote.text in {None, text}:
            yield Evidence(
                start=quote.start,
                end=quote.end,
                text=text,
                path=quote.path,
                attachment_start=quote.attachment_start,
            )


def _rejected(head: Head, report: Report | None) -> tuple[RejectedValue, ...] | None:
    if head.rejected is None:
        return None
    return tuple(
        RejectedValue(
            kind=one.kind,
            slot=one.slot,
            value=one.value,
            reason=one.reason,
            confidence=one.confidence,
            part=one.part,
            evidence=tuple(_spans(one.spans, report)) if report is not None else (),
        )
        for one in head.rejected
    )


def _spans(spans: Sequence[tuple[int, int]], report: Report) -> Iterator[Evidence]:
    for start, end in spans:
        segment = report.locate(start)
        if segment is not None and report.text[start:end]:
            yield Evidence(
                start=start,
                end=end,
                text=report.text[start:end],
                path=segment.path,
                attachment_start=start - segment.start + segment.attachment_start,
            )


def _lesions(head: Head, report: Report | None) -> Iterator[LesionView]:
    """The tumours that the model read; of a document of an earlier version, those that rows name."""
    for lesion in head.lesions or ():
        words = [lesion.laterality, lesion.organ, lesion.histology or lesion.behaviour.value]
        yield LesionView(
            id=lesion.id,
            label=", ".join(word for word in words if word),
            behaviour=lesion.behaviour,
            organ=lesion.organ,
            laterality=lesion.laterality,
            historical=lesion.historical,
            spans=lesion.spans if report is not None else (),
        )
    if head.lesions is None:
        named = {row.lesion: row.part for row in head.rows if row.lesion is not None}
        for number, (lesion_id, part) in enumerate(named.items(), start=1):
            yield LesionView(id=lesion_id, label=part or f"Tumor {number}")


def _title(resource: Mapping[str, Any]) -> str | None:
    concept = resource.get("code") or resource.get("type")
    if not isinstance(concept, dict):
        return None
    words = concept.get("text") or next(
        (c.get("display") for c in concept.get("coding", ()) if c.get("display")), None
    )
    return str(words) if words else None


def _history(head: Head, before: Sequence[Head]) -> Iterator[HistoryEntry]:
    """What happened to the document, newest first: versions of its head, and opinions."""
    entries = [
        HistoryEntry(
            at=o.at,
            change=ReportChange.REVIEWED,
            actor=o.reviewer,
            display=o.display,
            finding=finding,
            status=o.status,
            unsure=o.unsure,
            value=o.value.value if o.value else None,
        )
        for finding, review in head.reviews.items()
        for o in review.opinions
    ]
    seen: set[tuple[Any, ...]] = set()
    runs = sorted((head, *before), key=lambda one: one.revision)
    for one in runs:
        key = (one.outcome.recorded, one.outcome.status)
        if one.is_reservation or key in seen:
            continue
        first = not seen
        seen.add(key)
        change = _CHANGES.get(
            one.outcome.status, ReportChange.READ if first else ReportChange.AMENDED
        )
        entries.append(
            HistoryEntry(at=one.outcome.recorded, change=change, actor=one.outcome.model)
        )
    yield from sorted(entries, key=lambda e: (e.at is not None, e.at), reverse=True)
