"""Builds the resources and rows of an extraction, by slot."""

from collections.abc import Mapping
from typing import Any

from oncofhir.fhir.mapping.conditions import condition
from oncofhir.fhir.mapping.finding_index import FindingIndex
from oncofhir.fhir.mapping.finding_slots import KnownParts, assign_slots, choose_slot
from oncofhir.fhir.mapping.lesions import (
    MALIGNANT_PRIMARY,
    behaviour_of,
    histology_fits,
    lesion_keys,
    may_have_side,
)
from oncofhir.fhir.mapping.observations import References, condition_stage, is_gleason, observation
from oncofhir.fhir.mapping.r4_validation import validate
from oncofhir.fhir.mapping.rows import phenotype_row
from oncofhir.fhir.mapping.run_context import RunContext
from oncofhir.fhir.mapping.specimens import (
    SPECIMEN,
    anchor_kind,
    body_site,
    specimen_or_body_structure,
)
from oncofhir.fhir.mapping.staging import Staging, StagingAuthority
from oncofhir.fhir.mapping.written_findings import written_findings
from oncofhir.schemas.base import Value
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.finding import Finding, Kind
from oncofhir.schemas.lesion import Behaviour, Lesion
from oncofhir.schemas.outcome import PhenotypeRow

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
    written = written_findings(extraction, context.report.text, context.options.staging_system)
    findings = assign_slots([finding for finding, _ in written], known or {})
    staging = {slot: s for slot, (_, s) in zip(findings, written, strict=True) if s is not None}
    builder = _PlanBuilder(context, findings, staging, extraction.lesions, known or {})
    builder.build()
    for resource in builder.resources.values():
        validate(resource)
    rows = tuple(builder.row(slot, revision) for slot in builder.findings)
    return Plan(resources=builder.resources, rows=rows, parts=builder.parts)


class _PlanBuilder:
    """Builds the resources of one report. `carriers` is the slot of the resource that holds each finding."""

    def __init__(
        self,
        context: RunContext,
        findings: dict[str, Finding],
        staging: Mapping[str, Staging],
        lesions: tuple[Lesion, ...],
        known: KnownParts,
    ) -> None:
        self.context = context
        self.findings = findings
        self.staging = staging
        self.lesions = {lesion.id: lesion for lesion in lesions}
        self.lesion_keys = lesion_keys(lesions)
        self.index = FindingIndex(findings)
        self.known = known
        self.resources: dict[str, dict[str, Any]] = {}
        self.carriers: dict[str, str] = {}
        self.parts = {slot: finding.part for slot, finding in findings.items()}
        self._anchors: dict[tuple[str | None, str | None], str] = {}

    def build(self) -> None:
        self._add_anchors()
        diagnoses = [(slot, f) for slot, f in self.findings.items() if f.kind is Kind.DIAGNOSIS]
        # Primary cancers first: metastases refer to them.
        for slot, diagnosis in sorted(diagnoses, key=lambda found: self._is_secondary(found[1])):
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
                self._add_anchor(finding.lesion, finding.part)

    def _anchor_key(self, lesion: str | None, part: str | None) -> tuple[str | None, str | None]:
        """A Specimen is of a part, whatever lesions it holds; a BodyStructure is one tumour."""
        return (None if anchor_kind(self.context) == SPECIMEN else lesion), part

    def _add_anchor(self, lesion: str | None, part: str | None) -> None:
        key = self._anchor_key(lesion, part)
        if key in self._anchors or self._named_specimen(part):
            return
        slot = choose_slot(anchor_kind(self.context), part, self.known, self.resources)
        site, laterality = self._location(lesion, part, slot)
        self._add(slot, specimen_or_body_structure(self.context, slot, site, laterality))
        self._anchors[key] = slot
        self.parts[slot] = part

    def _location(
        self, lesion: str | None, part: str | None, slot: str
    ) -> tuple[Finding | None, Finding | None]:
        """Return the site and the side of a lesion or part, which the resource of `slot` holds."""
        found = [self.index.find(kind, lesion, part) for kind in _LOCATION]
        self.carriers |= {where[0]: slot for where in found if where}
        site, laterality = (where[1] if where else None for where in found)
        known = self.lesions.get(lesion or "")
        return site, laterality if known is None or may_have_side(known) else None

    def _behaviour(self, diagnosis: Finding) -> Behaviour | None:
        return behaviour_of(diagnosis, self.lesions.get(diagnosis.lesion or ""))

    def _is_secondary(self, diagnosis: Finding) -> bool:
        return self._behaviour(diagnosis) is Behaviour.METASTATIC

    def _add_condition(self, slot: str, diagnosis: Finding) -> None:
        lesion, part = diagnosis.lesion, diagnosis.part
        behaviour = self._behaviour(diagnosis)
        histology = self.index.find(Kind.HISTOLOGICAL_TYPE, lesion, part)
        fits = histology is not None and histology_fits(histology[1], behaviour)
        site, laterality = self._location(lesion, part, slot)
        self._add(
            slot,
            condition(
                self.context,
                diagnosis,
                slot,
                behaviour=behaviour,
                histology=histology[1] if histology and fits else None,
                where=body_site(site, laterality),
                stages=self._stages(lesion, part),
                primary=self._primary(diagnosis),
            ),
        )
        self.carriers[slot] = slot

    def _primary(self, secondary: Finding) -> dict[str, str] | None:
        """Return the primary cancer of a metastasis: of the organ that the report names, else the only one.

        Of several, none is chosen. One that has no Condition here is named in words.
        """
        lesion = self.lesions.get(secondary.lesion or "")
        organ = lesion.primary_organ if lesion else None
        primaries = [
            (slot, self.lesions.get(finding.lesion or ""))
            for slot, finding in self.findings.items()
            if finding.kind is Kind.DIAGNOSIS and self._behaviour(finding) in MALIGNANT_PRIMARY
        ]
        if organ is not None:
            primaries = [
                (s, known) for s, known in primaries if known is None or known.organ == organ
            ]
        if len(primaries) == 1:
            return self.context.reference("Condition", primaries[0][0])
        return {"display": f"Primary cancer: {organ}"} if organ is not None else None

    def _stages(self, lesion: str | None, part: str | None) -> list[dict[str, Any]]:
        """Return the stage group, and a Gleason score, which mCODE models as a stage too."""
        group = self.index.find(Kind.CANCER_STAGE, lesion, part, "group")
        grade = self.index.find(Kind.CANCER_GRADE, lesion, part)
        gleason = grade if grade and is_gleason(grade[1]) else None
        return [
            condition_stage(
                found[1],
                self.staging.get(found[0]),
                self.context.reference("Observation", found[0]),
            )
            for found in (group, gleason)
            if found
        ]

    def _references(self, slot: str, finding: Finding) -> References:
        lesion, part = finding.lesion, finding.part
        diagnosis = self.index.find(Kind.DIAGNOSIS, lesion, part)
        staging = self.staging.get(slot)
        members: tuple[dict[str, str], ...] = ()
        if staging and finding.slot == "group" and staging.system not in _NOT_TNM:
            found = [self.index.find(Kind.CANCER_STAGE, lesion, part, c) for c in ("t", "n", "m")]
            members = tuple(self.context.reference("Observation", f[0]) for f in found if f)
        return References(
            condition=self._reference(diagnosis[0] if diagnosis else None),
            anchor=self._anchor_of(lesion, part),
            members=members,
            staging=staging,
        )

    def _named_specimen(self, part: str | None) -> str | None:
        """Return the specimen that the report names: its only one, or the one with the part's label."""
        report = self.context.report
        return report.specimen or (report.specimens.get(part) if part is not None else None)

    def _anchor_of(self, lesion: str | None, part: str | None) -> dict[str, Any] | None:
        named = self._named_specimen(part)
        if named is not None:
            return self.context.sources.reference_element(named)
        return self._reference(self._anchors.get(self._anchor_key(lesion, part)))

    def _reference(self, slot: str | None) -> dict[str, str] | None:
        if slot is None:
            return None
        return self.context.reference(self.resources[slot]["resourceType"], slot)

    def row(self, slot: str, revision: int) -> PhenotypeRow:
        resource = self.resources.get(self.carriers.get(slot, ""))
        reference = f"{resource['resourceType']}/{resource['id']}" if resource else None
        finding = self.findings[slot]
        return phenotype_row(
            self.context,
            slot,
            finding,
            revision,
            resource=reference,
            lesion_key=self.lesion_keys.get(finding.lesion or ""),
        )
