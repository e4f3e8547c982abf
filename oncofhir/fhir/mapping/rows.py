"""Phenotype rows of a document, from one revision to the next. Pure."""

from collections.abc import Collection, Sequence

from oncofhir.fhir.mapping.run_context import RunContext
from oncofhir.schemas.finding import Finding
from oncofhir.schemas.identity import finding_id
from oncofhir.schemas.outcome import PhenotypeRow, RowEvidence, RowOperation, RowStatus

# A version that cannot be read does not change these.
_FINAL = frozenset({RowStatus.WITHDRAWN, RowStatus.HUMAN_EDITED})


def phenotype_row(
    context: RunContext,
    slot: str,
    finding: Finding,
    revision: int,
    *,
    resource: str | None,
    lesion_key: str | None,
) -> PhenotypeRow:
    """Build the row of a finding.

    `resource` is the reference of the resource that holds it, or None. `lesion_key` is the key of its lesion
    (`lesions.lesion_keys`), from which the tumour's identity follows.
    """
    run = context.run
    return PhenotypeRow(
        finding=finding_id(context.document, slot),
        document=context.document,
        revision=revision,
        status=RowStatus.CURRENT,
        resource=resource,
        source=run.source,
        source_version=run.source_version,
        source_status=context.report.status,
        subject=context.report.subject,
        encounter=context.report.encounter,
        kind=finding.kind,
        slot=finding.slot,
        part=finding.part,
        lesion=finding_id(context.document, lesion_key) if lesion_key else None,
        value=finding.value,
        number=finding.number,
        unit=finding.unit,
        basis=finding.basis,
        confidence=finding.confidence,
        calibrated=finding.calibrated,
        codings=finding.codings,
        evidence=tuple(RowEvidence.model_validate(e.model_dump()) for e in finding.evidence),
        effective=context.effective,
        reported=context.report.issued,
        model=run.model.name,
        model_digest=run.model.digest,
        prompt_set=f"{run.prompt_set.name}@{run.prompt_set.version}",
        software=run.software_version,
        run=run.id,
        asserted=context.recorded,
    )


def next_rows(
    rows: Sequence[PhenotypeRow],
    earlier: Sequence[PhenotypeRow],
    revision: int,
    conflicts: Collection[str],
) -> tuple[PhenotypeRow, ...]:
    """Return a run's rows, and the earlier rows that it lacks with the status withdrawn.

    `conflicts` are the references of the resources that humans edited; their rows have the status
    human-edited.
    """
    present = {row.finding for row in rows}
    gone = [row for row in earlier if row.finding not in present]
    return (
        *(_revised(row, revision, row.status, conflicts) for row in rows),
        *(_revised(row, revision, RowStatus.WITHDRAWN, conflicts) for row in gone),
    )


def with_status(
    rows: Sequence[PhenotypeRow], revision: int, status: RowStatus, conflicts: Collection[str] = ()
) -> tuple[PhenotypeRow, ...]:
    """Return the rows with another revision and status. Withdrawn rows stay withdrawn.

    Rows of the resources in `conflicts`, which humans edited, have the status human-edited.
    """
    return tuple(
        _revised(row, revision, row.status if _keeps_status(row, status) else status, conflicts)
        for row in rows
    )


def _keeps_status(row: PhenotypeRow, status: RowStatus) -> bool:
    if status is RowStatus.WITHDRAWN:
        return row.status is RowStatus.WITHDRAWN
    return row.status in _FINAL


def _revised(
    row: PhenotypeRow, revision: int, status: RowStatus, conflicts: Collection[str]
) -> PhenotypeRow:
    if row.resource in conflicts:
        status = RowStatus.HUMAN_EDITED
    retracts = status is RowStatus.WITHDRAWN
    operation = RowOperation.RETRACT if retracts else RowOperation.UPSERT
    return row.model_copy(update={"revision": revision, "status": status, "operation": operation})
