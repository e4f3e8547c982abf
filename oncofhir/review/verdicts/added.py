"""A finding that a reviewer adds: a new resource in the same profiles, authored by the reviewer. Pure."""

from typing import Any

from oncofhir.fhir.mapping.conditions import condition
from oncofhir.fhir.mapping.lesions import behaviour_of
from oncofhir.fhir.mapping.observations import References, observation
from oncofhir.fhir.mapping.r4_validation import validate
from oncofhir.fhir.mapping.rows import phenotype_row
from oncofhir.fhir.mapping.run_context import RunContext
from oncofhir.fhir.mapping.specimens import anchor_kind, specimen_or_body_structure
from oncofhir.fhir.mapping.staging import Staging
from oncofhir.fhir.mapping.written_findings import written_findings
from oncofhir.fhir.review.elements import element_path, with_value
from oncofhir.fhir.review.model import Review
from oncofhir.fhir.review.verdicts import clean, reviewed
from oncofhir.fhir.store.entries import put_entry, reference_to, version_id_of
from oncofhir.fhir.store.head import Head
from oncofhir.review.documents import Stored
from oncofhir.review.verdicts.plan import Entries, Signature, provenance_of, with_verdict
from oncofhir.schemas.extraction import Extraction, ModelIdentity, PromptSetIdentity
from oncofhir.schemas.finding import Evidence, Finding, Kind
from oncofhir.schemas.outcome import PhenotypeRow, ReviewStatus, RowStatus
from oncofhir.schemas.report import Report
from oncofhir.schemas.review import AddMissed, Opinion, ReviewedValue

HUMAN = ModelIdentity(name="human", digest="human", server="oncofhir review")
NO_PROMPTS = PromptSetIdentity(name="human", version="1", sha256="")
_LOCATED = frozenset({Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY})


class NoDiagnosis(Exception):
    """A site or a side is written into a Condition, and the report has none."""


def added_slot(verdict: AddMissed) -> str:
    """The slot of an added finding: the same selection of the same phenotype is the same finding."""
    component = f"/{verdict.slot}" if verdict.slot else ""
    return f"reviewer/{verdict.kind}{component}/{verdict.start}-{verdict.end}"


def plan_added(
    context: RunContext,
    head: Head,
    stored: Stored,
    verdict: AddMissed,
    value: ReviewedValue,
    by: Signature,
) -> tuple[Entries, Head]:
    """Plan a finding that the reviewer selected in the text of `context.report`.

    Raises:
        NoDiagnosis: a site or a side needs the Condition of a diagnosis.
        RequestRejected: a resource would be no valid R4. This is an internal error.
    """
    slot = added_slot(verdict)
    finding, staging = _written(context, verdict, value)
    diagnosis = _condition_of(head, stored, verdict.lesion)
    entries: Entries = []
    if verdict.kind in _LOCATED:
        if diagnosis is None:
            raise NoDiagnosis
        row = _row(context, finding, slot, head, verdict, reference_to(diagnosis))
        after = with_value(clean(diagnosis), row, value)
        entries.append(put_entry(after, version_id_of(diagnosis)))
    else:
        anchor, anchors = _anchor(context, head, stored, verdict, slot)
        entries += [put_entry(resource) for resource in anchors]
        built = _resource(context, finding, staging, slot, diagnosis, anchor)
        reference = reference_to(built)
        row = _row(context, finding, slot, head, verdict, reference)
        after = _authored(built, row, by, verdict.comment)
        entries.append(put_entry(after, version_id_of(stored.get(reference))))
    review = _review(head, row, value, by, verdict.comment)
    new = with_verdict(head, row.finding, review, {reference_to(after): after})
    targets = [(reference_to(after), element_path(after, verdict.kind))]
    versions = {
        reference_to(after): version
        for before in [stored.get(reference_to(after))]
        if (version := version_id_of(before)) is not None
    }
    status = ReviewStatus.CONFIRMED
    entries.append(put_entry(provenance_of(new, row, status, targets, versions, by, added=True)))
    for entry in entries:
        validate(entry["resource"])
    return entries, new


def _written(
    context: RunContext, verdict: AddMissed, value: ReviewedValue
) -> tuple[Finding, Staging | None]:
    """The finding as the mapping takes it. A chosen code wins over what the staging system allows."""
    quote = evidence_of(context.report, verdict.start, verdict.end)
    finding = Finding(
        kind=verdict.kind,
        slot=verdict.slot,
        value=value.value,
        number=value.number,
        unit=value.unit,
        dimensions=value.dimensions,
        raw=value.value,
        evidence=(quote,),
        codings=value.codings,
    )
    extraction = Extraction(model=HUMAN, prompt_set=NO_PROMPTS, findings=(finding,))
    written, staging = written_findings(
        extraction, context.report.text, context.options.staging_system
    )[0]
    if verdict.coding is not None:
        written = written.model_copy(update={"codings": value.codings})
    return written, staging


def evidence_of(report: Report, start: int, end: int) -> Evidence:
    """The quoted passage of a report."""
    segment = report.locate(start)
    return Evidence(
        start=start,
        end=end,
        text=report.text[start:end],
        path=segment.path if segment else report.source.type,
        attachment_start=start - segment.start + segment.attachment_start if segment else start,
    )


def _condition_of(head: Head, stored: Stored, lesion: str | None) -> dict[str, Any] | None:
    """The Condition of the tumour, else the report's only one."""
    rows = [row for row in head.rows_in_force if row.kind is Kind.DIAGNOSIS]
    own = [row for row in rows if row.lesion == lesion] if lesion else []
    chosen = own or (rows if len(rows) == 1 else [])
    return stored.get(chosen[0].resource or "") if chosen else None


def _anchor(
    context: RunContext, head: Head, stored: Stored, verdict: AddMissed, slot: str
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """What the finding was seen on, as the tumour's other findings say; a new one for a size without."""
    if context.report.specimen:
        return context.sources.reference_element(context.report.specimen), []
    siblings = [row for row in head.rows if row.lesion == verdict.lesion or verdict.lesion is None]
    for row in siblings:
        resource = stored.get(row.resource or "", {})
        seen = [resource.get("specimen"), *resource.get("focus", ())]
        for element in seen:
            named = str((element or {}).get("reference"))
            if named.startswith(("Specimen/", "BodyStructure/")):
                return element, []
    if verdict.kind is not Kind.TUMOR_SIZE:
        return None, []
    anchor = specimen_or_body_structure(context, f"{slot}/{anchor_kind(context)}", None, None)
    return {"reference": reference_to(anchor)}, [anchor]


def _resource(
    context: RunContext,
    finding: Finding,
    staging: Staging | None,
    slot: str,
    diagnosis: dict[str, Any] | None,
    anchor: dict[str, Any] | None,
) -> dict[str, Any]:
    if finding.kind is Kind.DIAGNOSIS:
        behaviour = behaviour_of(finding, None)
        return condition(context, finding, slot, behaviour=behaviour, histology=None, where=None)
    focus = {"reference": reference_to(diagnosis)} if diagnosis is not None else None
    refs = References(condition=focus, anchor=anchor, staging=staging)
    return observation(context, finding, slot, refs)


def _authored(
    built: dict[str, Any], row: PhenotypeRow, by: Signature, comment: str | None
) -> dict[str, Any]:
    """The resource as the reviewer's own: labelled as human, final or confirmed, and without the model."""
    status = ReviewStatus.CORRECTED  # takes the AI label, the device and the confidence away
    resource = reviewed(built, row, status, None, by.reviewer, by.at, comment)
    if resource["resourceType"] == "Observation":
        resource["status"] = "final"
    return resource


def _row(
    context: RunContext, finding: Finding, slot: str, head: Head, verdict: AddMissed, resource: str
) -> PhenotypeRow:
    row = phenotype_row(
        context, slot, finding, head.revision + 1, resource=resource, lesion_key=None
    )
    update = {
        "lesion": verdict.lesion,
        "machine_asserted": False,
        "status": RowStatus.HUMAN_EDITED,
        "model_digest": HUMAN.digest,
    }
    return row.model_copy(update=update)


def _review(
    head: Head, row: PhenotypeRow, value: ReviewedValue, by: Signature, comment: str | None
) -> Review:
    status = ReviewStatus.CONFIRMED
    opinion = Opinion(
        status=status,
        reviewer=by.reviewer.key,
        display=by.reviewer.display,
        at=by.at,
        value=value,
        comment=comment,
    )
    return Review(
        status=status,
        reviewer=by.reviewer.key,
        at=by.at,
        value=value.model_copy(update={"codings": row.codings}),
        resource=row.resource or "",
        text_hash=head.current_text_hash,
        added=row,
        opinions=(opinion,),
        here=True,
    )
