"""What must hold of the resources of one report: they do not contradict themselves, nor the report's lesions."""

import re
from collections.abc import Iterator

from oncofhir.fhir.codes import (
    HISTOLOGY_EXTENSION,
    ICD_10_CM,
    LATERALITY_EXTENSION,
    MCODE,
    RELATED_CONDITION,
    RELATED_PRIMARY,
    SNOMED_CT,
)
from oncofhir.fhir.mapping.build import Plan
from oncofhir.schemas.context import Temporality
from oncofhir.schemas.extraction import Extraction
from oncofhir.schemas.finding import Finding
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.neoplasm_mentions import neoplasm_of
from oncofhir.terminology.sites import sites

SECONDARY = "mcode-secondary-cancer-condition"
PRIMARY = "mcode-primary-cancer-condition"
PROFILES = {
    Behaviour.IN_SITU: {PRIMARY},
    Behaviour.INVASIVE: {PRIMARY},
    Behaviour.METASTATIC: {SECONDARY},
}
SIDES = {"7771000": "left", "24028007": "right", "51440002": "bilateral", "399488007": "midline"}
OUTSIDE = ("Device/", "Patient/", "DiagnosticReport/", "DocumentReference/")
HAS_SIDES = {site.name: site.lateral for site in sites()}


def contradictions(
    plan: Plan, findings: dict[str, Finding], extraction: Extraction
) -> Iterator[str]:
    """Each contradiction in words. `findings` are those of the plan, by slot."""
    lesions = {lesion.id: lesion for lesion in extraction.lesions}
    by_reference = {f"{r['resourceType']}/{r['id']}": slot for slot, r in plan.resources.items()}

    def lesion_of(slot):
        finding = findings.get(slot)
        return lesions.get(finding.lesion) if finding else None

    for slot, resource in plan.resources.items():
        lesion = lesion_of(slot)
        if lesion and lesion.temporality is not Temporality.CURRENT:
            yield f"{slot}: a lesion of the past is written as current"
        for reference in references_in(resource):
            target = by_reference.get(reference)
            if target is None and not reference.startswith(OUTSIDE):
                yield f"{slot}: {reference} is not there"
        if resource["resourceType"] == "Condition":
            yield from of_condition(slot, resource, lesion, plan, by_reference, findings)
        elif resource["resourceType"] == "Observation":
            for reference in conditions_of(resource):
                other = lesion_of(by_reference[reference])
                if lesion and other and other.id != lesion.id:
                    yield f"{slot}: it refers to the Condition of another lesion"


def of_condition(slot, resource, lesion, plan, by_reference, findings):
    profile = {p.removeprefix(MCODE) for p in resource["meta"].get("profile", [])}
    if resource.get("clinicalStatus", {}).get("coding", [{}])[0].get("code") != "active":
        yield f"{slot}: a Condition that is written is active"
    yield from of_codes(slot, resource["code"].get("coding", []), profile, lesion)
    if lesion and profile & {PRIMARY, SECONDARY} != PROFILES.get(lesion.behaviour, set()):
        yield f"{slot}: {profile} of a lesion that is {lesion.behaviour}"
    if SECONDARY in profile and resource.get("stage"):
        yield f"{slot}: a secondary cancer has a stage of its own"
    for stage in resource.get("stage", []):
        shown = by_reference[stage["assessment"][0]["reference"]]
        yield from of_stage(slot, stage, lesion, plan.resources[shown], findings[shown])
    for extension in resource["extension"]:
        if extension["url"] == RELATED_PRIMARY and SECONDARY not in profile:
            yield f"{slot}: a primary cancer refers to a primary"
        if extension["url"] == HISTOLOGY_EXTENSION:
            yield from of_histology(slot, extension, lesion, findings)
    for site in resource.get("bodySite", []):
        yield from of_site(slot, site, lesion)


def of_codes(slot, coding, profile, lesion):
    for code in [c["code"] for c in coding if c["system"] == ICD_10_CM]:
        in_situ = code.startswith("D0")
        if (re.match(r"C7[789B]", code) is not None) != (SECONDARY in profile):
            yield f"{slot}: {code} in profile {profile}"
        if (in_situ or code.startswith("C")) and not profile & {PRIMARY, SECONDARY}:
            yield f"{slot}: {code} is a cancer and claims no profile of one"
        if lesion and in_situ != (lesion.behaviour is Behaviour.IN_SITU):
            yield f"{slot}: {code} of a lesion that is {lesion.behaviour}"
    is_secondary = any(c["system"] == SNOMED_CT and c["code"] == "128462008" for c in coding)
    if is_secondary and SECONDARY not in profile:
        yield f"{slot}: a secondary code in profile {profile}"


def of_stage(slot, stage, lesion, shown, finding):
    if stage["summary"] != shown["valueCodeableConcept"]:
        yield f"{slot}: Condition.stage differs from its Observation"
    if [c["code"] for c in stage["summary"].get("coding", [])] != [c.code for c in finding.codings]:
        yield f"{slot}: Condition.stage differs from the finding"
    if lesion and finding.lesion not in {None, lesion.id}:
        yield f"{slot}: the stage of another lesion"


def of_site(slot, site, lesion):
    if lesion is None:
        return
    for extension in site.get("extension", []):
        if extension["url"] == LATERALITY_EXTENSION:
            side = SIDES[extension["valueCodeableConcept"]["coding"][0]["code"]]
            if side != (lesion.laterality or side):
                yield f"{slot}: {side} of a lesion that is {lesion.laterality}"
            if HAS_SIDES.get(lesion.organ) is False:
                yield f"{slot}: {lesion.organ} has no sides"


def of_histology(slot, extension, lesion, findings):
    said = extension["valueCodeableConcept"]["text"]
    own = [
        f for f in findings.values()
        if f.kind == "histological-type" and (lesion is None or f.lesion in {None, lesion.id})
    ]  # fmt: skip
    if said not in {finding.value for finding in own}:
        yield f"{slot}: the histology of another lesion"
    mention = neoplasm_of(said)
    in_situ = mention is not None and mention.behaviour is Behaviour.IN_SITU
    if lesion and in_situ != (lesion.behaviour is Behaviour.IN_SITU):
        yield f"{slot}: {said} of a lesion that is {lesion.behaviour}"


def references_in(value) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for inner in value.values():
            yield from references_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references_in(inner)


def conditions_of(observation) -> Iterator[str]:
    for focus in observation.get("focus", []):
        if str(focus.get("reference")).startswith("Condition/"):
            yield focus["reference"]
    for extension in observation.get("extension", []):
        if extension["url"] == RELATED_CONDITION:
            yield extension["valueReference"]["reference"]
