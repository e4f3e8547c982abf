"""The findings as they are written: current ones, with the codes that the resources have. Pure.

The codes of a stage depend on its staging system, and those of a diagnosis on its lesion's behaviour. What
`oncofhir extract` prints as findings has the same codes.
"""

from oncofhir.fhir.mapping.conditions import is_lymphoma
from oncofhir.fhir.mapping.lesions import behaviour_of, current_findings, fitting_codings
from oncofhir.fhir.mapping.staging import (
    Staging,
    StagingAuthority,
    figo_staging,
    is_figo,
    lymphoma_staging,
    staging_for,
)
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.finding import Finding, Kind
from oncofhir.settings import StagingSystem
from oncofhir.terminology.coding import figo_codings

WrittenFinding = tuple[Finding, Staging | None]
"""A finding, and the staging system of a stage."""


def written_findings(
    extraction: Extraction, text: str, site_system: StagingSystem | None
) -> tuple[WrittenFinding, ...]:
    """Return the current findings of an extraction with the codes that are written, in their order.

    `text` is the report's, and `site_system` the staging system that the site's settings name.
    """
    findings = current_findings(extraction)
    lesions = {lesion.id: lesion for lesion in extraction.lesions}
    diagnoses = [finding for finding in findings if finding.kind is Kind.DIAGNOSIS]
    usual = staging_for(text, site_system)
    written: list[WrittenFinding] = []
    for finding in findings:
        staging = None
        if finding.kind is Kind.CANCER_STAGE:
            staging = _staging_of(finding, diagnoses, text, usual)
            finding = _with_codes_of(staging, finding)  # noqa: PLW2901 - the same finding, coded
        elif finding.kind is Kind.DIAGNOSIS:
            behaviour = behaviour_of(finding, lesions.get(finding.lesion or ""))
            codings = fitting_codings(finding.codings, behaviour)
            finding = finding.model_copy(update={"codings": codings})  # noqa: PLW2901
        written.append((finding, staging))
    return tuple(written)


def _staging_of(stage: Finding, diagnoses: list[Finding], text: str, usual: Staging) -> Staging:
    """Determine the staging system: that of the lesion's disease, or the one that the quoted words name."""
    if stage.slot != "group":
        return usual
    own = [
        diagnosis
        for diagnosis in diagnoses
        if (diagnosis.lesion, diagnosis.part) == (stage.lesion, stage.part)
    ]
    if any(is_lymphoma(diagnosis) for diagnosis in own or diagnoses):
        return lymphoma_staging(text)
    return figo_staging() if is_figo(stage) else usual


def _with_codes_of(staging: Staging, stage: Finding) -> Finding:
    """Return a stage without AJCC's codes if its system is another one or is not named.

    Ann Arbor's stage II, for example, differs from the stage group II of AJCC. FIGO has its own codes.
    """
    if staging.system is StagingAuthority.AJCC:
        return stage
    own = figo_codings(stage.value) if staging.system is StagingAuthority.FIGO else ()
    return stage.model_copy(update={"codings": own})
