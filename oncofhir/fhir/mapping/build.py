"""Builds the resources and rows of an extraction, by slot."""

from typing import Any

from oncofhir.fhir.mapping.conditions import condition, is_lymphoma, is_primary, is_secondary
from oncofhir.fhir.mapping.finding_slots import KnownParts, assign_slots, choose_slot
from oncofhir.fhir.mapping.observations import References, condition_stage, is_gleason, observation
from oncofhir.fhir.mapping.r4_validation import validate
from oncofhir.fhir.mapping.rows import phenotype_row
from oncofhir.fhir.mapping.run_context import RunContext
from oncofhir.fhir.mapping.specimens import anchor_kind, body_site, specimen_or_body_structure
from oncofhir.fhir.mapping.staging import (
    Staging,
    StagingAuthority,
    figo_staging,
    is_figo,
    lymphoma_staging,
    staging_for,
)
from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.finding import Finding, Kind
from oncofhir.schemas.outcome import PhenotypeRow
from oncofhir.terminology.coding import figo_codings

_LOCATION = (Kind.TUMOR_SITE, Kind.TUMOR_LATERALITY)
_ON_CONDITION = frozenset({Kind.DIAGNOSIS, *_LOCATION})
_NOT_TNM = frozenset({StagingAuthority.LYMPHOMA, StagingAuthority.FIGO})
_ON_SPECIMEN = frozenset({Kind.HORMONE_RECEPTOR, Kind.CANCER_GRADE, Kind.HISTOLOGICAL_TYPE})


class Plan(Value):
    """What a run would write: resources by slot, ordered so that a reference follows its target.

    `parts` is the specimen part of every slot, also of slots without a resource of their own.
    """

    resources: dict[str, dict[str, Any]]
    rows: tuple[PhenotypeRow, ...]
    parts: dict[str, str | None]


def build(
    context: RunContext, extraction: Extraction, revision: int, known: KnownParts | None = None
) -> Plan:
    """Build the resources and rows of an extraction, validated against R4.

    `known` is the specimen part of each slot of the document's earlier versions.

    Raises:
        RequestRejected: a resource is not valid R4, with the element's path. This is an internal error.
    """
    builder = _PlanBuilder(context, assign_slots(extraction.findings, known or {}), known or {})
    builder.build()
    for resource in builder.resources.values():
        validate(resource)
    rows = tuple(builder.row(slot, revision) for slot in builder.findings)
    return Plan(resources=builder.resources, rows=rows, parts=builder.parts)


class _PlanBuilder:
    """Builds the resources of one report. `carriers` is the slot of the resource that holds each finding."""

    def __init__(self, context: RunContext, found: dict[str, Finding], known: KnownParts) -> None:
        self.context = context
        self.staging = self._stagings(found)
        self.findings = {
            slot: self._with_system_codes(slot, finding) for slot, finding in found.items()
        }
        self.known = known
        self.resources: dict[str, dict[str, Any]] = {}
        self.carriers: dict[str, str] = {}
        self.parts = {slot: finding.part for slot, finding in found.items()}
        self._anchors: dict[str | None, str] = {}

    def _stagings(self, found: dict[str, Finding]) -> dict[str, Staging]:
        """Determine the staging system of each stage."""
        stages = {slot: f for slot, f in found.items() if f.kind is Kind.CANCER_STAGE}
        if not stages:
            return {}
        text = self.context.report.text
        usual = staging_for(text, self.context.options.staging_system)
        staging = dict.fromkeys(stages, usual)
        diagnoses = [f for f in found.values() if f.kind is Kind.DIAGNOSIS]
        for slot, group in stages.items():
            own = [f for f in diagnoses if f.part == group.part] or diagnoses
            if group.slot == "group" and any(is_lymphoma(diagnosis) for diagnosis in own):
                staging[slot] = lymphoma_staging(text)
            elif group.slot == "group" and is_figo(group):
                staging[slot] = figo_staging()
        return staging

    def _with_system_codes(self, slot: str, finding: Finding) -> Finding:
        """Return a stage without AJCC's codes if its system is another one or is not named.

        Ann Arbor's stage II, for example, differs from the stage group II of AJCC. FIGO has its own codes.
        """
        staging = self.staging.get(slot)
        if staging is None or staging.system is StagingAuthority.AJCC:
            return finding
        own = figo_codings(finding.value) if staging.system is StagingAuthority.FIGO else ()
        return finding.model_copy(update={"codings": own})

    def build(self) -> None:
        self._add_anchors()
        diagnoses = [(slot, f) for slot, f in self.findings.items() if f.kind is Kind.DIAGNOSIS]
        for slot, diagnosis in sorted(diagnoses, key=lambda named: is_secondary(named[1])):
            self._add_condition(slot, diagnosis)
        for slot, finding in self.findings.items():
            if finding.kind not in _ON_CONDITION:
                self._add(
                    slot, observation(self.context, finding, slot, self._references(slot, finding))
                )
                self.carriers[slot] = slot

    def _add(self, slot: str, resource: dict[str, Any]) -> None:
        self.resources[slot] = resource

    def _add_anchors(self) -> None:
        """Add one Specimen or BodyStructure per part, if the report names none and a finding needs it."""
        if self.context.report.specimen:
            return
        of_tissue = anchor_kind(self.context) == "specimen"
        has_diagnosis = any(f.kind is Kind.DIAGNOSIS for f in self.findings.values())
        for finding in self.findings.values():
            needs = finding.kind is Kind.TUMOR_SIZE or (of_tissue and finding.kind in _ON_SPECIMEN)
            if needs or (finding.kind in _LOCATION and not has_diagnosis):
                self._add_anchor(finding.part)

    def _add_anchor(self, part: str | None) -> None:
        if part in self._anchors or self._named_specimen(part):
            return
        slot = choose_slot(anchor_kind(self.context), part, self.known, self.resources)
        where = [self._find(kind, part) for kind in _LOCATION]
        site, laterality = (found for _, found in where)
        self._add(slot, specimen_or_body_structure(self.context, slot, site, laterality))
        self._anchors[part] = slot
        self.parts[slot] = part
        self.carriers |= {named: slot for named, _ in where if named}

    def _add_condition(self, slot: str, diagnosis: Finding) -> None:
        part = diagnosis.part
        histology = self._find(Kind.HISTOLOGICAL_TYPE, part)[1]
        where = [self._find(kind, part) for kind in _LOCATION]
        site, laterality = (found for _, found in where)
        self._add(
            slot,
            condition(
                self.context,
                diagnosis,
                slot,
                histology=histology,
                where=body_site(site, laterality),
                stages=self._stages(part),
                primary=self._primary(),
            ),
        )
        self.carriers |= {named: slot for named, _ in where if named} | {slot: slot}

    def _primary(self) -> dict[str, str] | None:
        """Return the report's primary cancer if there is exactly one. Of several, none is chosen."""
        slots = [s for s, f in self.findings.items() if f.kind is Kind.DIAGNOSIS and is_primary(f)]
        return self.context.reference("Condition", slots[0]) if len(slots) == 1 else None

    def _stages(self, part: str | None) -> list[dict[str, Any]]:
        """Return the stage group, and a Gleason score, which mCODE models as a stage too."""
        group = self._find(Kind.CANCER_STAGE, part, "group")
        slot, grade = self._find(Kind.CANCER_GRADE, part)
        gleason = (slot, grade) if grade and is_gleason(grade) else (None, None)
        return [
            condition_stage(
                finding, self.staging.get(slot), self.context.reference("Observation", slot)
            )
            for slot, finding in (group, gleason)
            if slot and finding
        ]

    def _references(self, slot: str, finding: Finding) -> References:
        condition_slot, _ = self._find(Kind.DIAGNOSIS, finding.part)
        staging = self.staging.get(slot)
        members: tuple[dict[str, str], ...] = ()
        if staging and finding.slot == "group" and staging.system not in _NOT_TNM:
            named = [self._find(Kind.CANCER_STAGE, finding.part, c)[0] for c in ("t", "n", "m")]
            members = tuple(self.context.reference("Observation", s) for s in named if s)
        return References(
            condition=self._reference(condition_slot),
            anchor=self._anchor_of(finding.part),
            members=members,
            staging=staging,
        )

    def _named_specimen(self, part: str | None) -> str | None:
        """Return the specimen that the report names: its only one, or the one with the part's label."""
        report = self.context.report
        return report.specimen or (report.specimens.get(part) if part is not None else None)

    def _anchor_of(self, part: str | None) -> dict[str, Any] | None:
        named = self._named_specimen(part)
        if named is not None:
            return self.context.sources.reference_element(named)
        return self._reference(self._anchors.get(part))

    def _reference(self, slot: str | None) -> dict[str, str] | None:
        if slot is None:
            return None
        return self.context.reference(self.resources[slot]["resourceType"], slot)

    def _find(
        self, kind: Kind, part: str | None, component: str | None = None
    ) -> tuple[str | None, Finding | None]:
        """Return the finding of a kind that belongs to a part: its own, else the report's only one."""
        of_kind = [
            (s, f) for s, f in self.findings.items() if f.kind is kind and f.slot == component
        ]
        own = [(s, f) for s, f in of_kind if f.part == part]
        partless = [(s, f) for s, f in of_kind if f.part is None]
        if own or partless:
            return (own or partless)[0]
        if of_kind and (part is None or len(of_kind) == 1):
            return of_kind[0]
        return None, None

    def row(self, slot: str, revision: int) -> PhenotypeRow:
        resource = self.resources.get(self.carriers.get(slot, ""))
        reference = f"{resource['resourceType']}/{resource['id']}" if resource else None
        return phenotype_row(self.context, slot, self.findings[slot], reference, revision)
