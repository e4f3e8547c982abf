"""Rows of a document's findings, from one revision to the next. Pure."""

from collections.abc import Collection, Sequence

from oncofhir.fhir.mapping.run_context import Context
from oncofhir.schemas.finding import Finding
from oncofhir.schemas.identity import finding_id
from oncofhir.schemas.outcome import PhenotypeRow, RowStatus

# Not undone by a version that cannot be read.
_KEPT = frozenset({RowStatus.WITHDRAWN, RowStatus.HUMAN_EDITED})


def row_of(
    context: Context, slot: str, finding: Finding, resource: str | None, revision: int
) -> PhenotypeRow:
    """The row of a finding; `resource` is the reference of what carries it, None when nothing does."""
    run = context.run
    return PhenotypeRow(
        finding=finding_id(context.document, slot),
        document=context.document,
        revision=revision,
        status=RowStatus.CURRENT,
        resource=resource,
        source=run.source,
        source_version=run.source_version,
        subject=context.report.subject,
        kind=finding.kind,
        slot=finding.slot,
        part=finding.part,
        value=finding.value,
        number=finding.number,
        unit=finding.unit,
        basis=finding.basis,
        confidence=finding.confidence,
        codings=finding.codings,
        evidence=finding.evidence,
        effective=context.effective,
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
    """A run's rows and, as withdrawn, the earlier ones that are gone; a human's edit is told.

    `conflicts` are the references of the resources that humans changed.
    """
    present = {row.finding for row in rows}
    gone = [row for row in earlier if row.finding not in present]
    return (
        *(_as(row, revision, row.status, conflicts) for row in rows),
        *(_as(row, revision, RowStatus.WITHDRAWN, conflicts) for row in gone),
    )


def rows_as(
    rows: Sequence[PhenotypeRow], revision: int, status: RowStatus, conflicts: Collection[str] = ()
) -> tuple[PhenotypeRow, ...]:
    """The rows in another revision and status; withdrawn ones stay so, a human's edit is told."""
    return tuple(
        _as(row, revision, row.status if _stays(row, status) else status, conflicts) for row in rows
    )


def _stays(row: PhenotypeRow, status: RowStatus) -> bool:
    if status is RowStatus.WITHDRAWN:
        return row.status is RowStatus.WITHDRAWN
    return row.status in _KEPT


def _as(
    row: PhenotypeRow, revision: int, status: RowStatus, conflicts: Collection[str]
) -> PhenotypeRow:
    if row.resource in conflicts:
        status = RowStatus.HUMAN_EDITED
    return row.model_copy(update={"revision": revision, "status": status})
