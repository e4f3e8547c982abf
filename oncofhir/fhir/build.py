"""From an extraction to what is written: resources by slot, and the rows that say the same."""

from typing import Any

from fhir.resources.R4B.condition import Condition
from fhir.resources.R4B.observation import Observation
from fhir.resources.R4B.specimen import Specimen
from pydantic import ValidationError

from oncofhir.fhir.conditions import body_site, condition, specimen
from oncofhir.fhir.context import Context
from oncofhir.fhir.observations import References, observation
from oncofhir.schemas.base import Value
from oncofhir.schemas.errors import RequestRejected
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.finding import Finding, Kind
from oncofhir.schemas.identity import finding_id
from oncofhir.schemas.outcome import PhenotypeRow, RowStatus
from oncofhir.schemas.reasons import Reason

DIAGNOSIS = "diagnosis"
SPECIMEN = "specimen"
_MODELS: dict[str, Any] = {"Condition": Condition, "Observation": Observation, "Specimen": Specimen}
_ON_CONDITION = frozenset({Kind.DIAGNOSIS, Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY})
_NEEDS_SPECIMEN = frozenset(
    {Kind.TUMOR_SIZE, Kind.HORMONE_RECEPTOR, Kind.CANCER_GRADE, Kind.HISTOLOGICAL_TYPE}
)


class Plan(Value):
    """What a run would write: resources by their slot, in an order in which references come last."""

    resources: dict[str, dict[str, Any]]
    rows: tuple[PhenotypeRow, ...]


def slot_of(finding: Finding, ordinal: int = 0) -> str:
    """The slot of a finding's identity: kind, receptor or category, part, an ordinal to break a tie."""
    parts = [finding.kind.value, finding.slot, f"part-{finding.part}" if finding.part else None]
    return "/".join([p for p in parts if p] + ([str(ordinal)] if ordinal else []))


def slots(findings: tuple[Finding, ...]) -> dict[str, Finding]:
    """The findings by slot.

    The part belongs to the slot only where several parts say the same kind, so that an addendum that
    adds a part leaves the first one's identity alone.
    """
    found: dict[str, Finding] = {}
    for finding in findings:
        plain = slot_of(finding.model_copy(update={"part": None}))
        slot = plain if plain not in found else slot_of(finding)
        ordinal = 0
        while slot in found:
            ordinal += 1
            slot = slot_of(finding, ordinal)
        found[slot] = finding
    return found


def build(context: Context, extraction: Extraction, revision: int) -> Plan:
    """The resources and rows of an extraction, checked against R4.

    Raises:
        RequestRejected: a resource is not valid R4: a fault of ours, with the element's path.
    """
    found = slots(extraction.findings)
    resources = _resources(context, found)
    for resource in resources.values():
        check(resource)
    rows = tuple(
        _row(context, slot, finding, resources, revision) for slot, finding in found.items()
    )
    return Plan(resources=resources, rows=rows)


def _resources(context: Context, found: dict[str, Finding]) -> dict[str, dict[str, Any]]:
    def first(kind: Kind, slot: str | None = None) -> Finding | None:
        return next((f for f in found.values() if f.kind is kind and f.slot == slot), None)

    def slot_named(kind: Kind, slot: str | None) -> str | None:
        return next((s for s, f in found.items() if f.kind is kind and f.slot == slot), None)

    resources: dict[str, dict[str, Any]] = {}
    where = body_site(first(Kind.TUMOR_SITE), first(Kind.TUMOR_LATERALITY))
    on = {"reference": context.report.specimen} if context.report.specimen else None
    if on is None and any(f.kind in _NEEDS_SPECIMEN for f in found.values()):
        resources[SPECIMEN] = specimen(context, SPECIMEN, where)
        on = context.reference("Specimen", SPECIMEN)
    about = None
    diagnosis, group = first(Kind.DIAGNOSIS), slot_named(Kind.CANCER_STAGE, "group")
    if diagnosis:
        staged = (found[group], context.reference("Observation", group)) if group else None
        resources[DIAGNOSIS] = condition(
            context,
            diagnosis,
            DIAGNOSIS,
            histology=first(Kind.HISTOLOGICAL_TYPE),
            site=first(Kind.TUMOR_SITE),
            laterality=first(Kind.TUMOR_LATERALITY),
            group=staged,
        )
        about = context.reference("Condition", DIAGNOSIS)
    categories = [s for c in ("t", "n", "m") if (s := slot_named(Kind.CANCER_STAGE, c))]
    refs = References(about, on, [context.reference("Observation", s) for s in categories])
    for slot, finding in found.items():
        if finding.kind not in _ON_CONDITION:
            resources[slot] = observation(context, finding, slot, refs)
    return resources


def check(resource: dict[str, Any]) -> None:
    """Validate a resource with fhir.resources (R4B: the same elements as R4 in what is written here).

    Raises:
        RequestRejected: with the paths of what is wrong, and no value.
    """
    try:
        _MODELS[resource["resourceType"]].model_validate(resource)
    except ValidationError as error:
        paths = ", ".join(
            ".".join(map(str, e["loc"])) for e in error.errors(include_input=False)[:5]
        )
        raise RequestRejected(
            Reason.STORE_REJECTED, resource["resourceType"], f"not valid R4 at {paths}"
        ) from None


def _row(
    context: Context,
    slot: str,
    finding: Finding,
    resources: dict[str, dict[str, Any]],
    revision: int,
) -> PhenotypeRow:
    carrier = DIAGNOSIS if finding.kind in _ON_CONDITION else slot
    resource = resources.get(carrier)
    return PhenotypeRow(
        finding=finding_id(context.document, slot),
        document=context.document,
        revision=revision,
        status=RowStatus.CURRENT,
        resource=f"{resource['resourceType']}/{resource['id']}" if resource else None,
        source=context.run.source,
        source_version=context.run.source_version,
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
        model=context.run.model.name,
        model_digest=context.run.model.digest,
        prompt_set=f"{context.run.prompt_set.name}@{context.run.prompt_set.version}",
        software=context.run.software_version,
        run=context.run.id,
        asserted=context.recorded,
    )
