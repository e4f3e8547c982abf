"""What is observed, as mCODE STU4 fixes it: Observation.code, category, profile of each kind of finding.

Source: mCODE 4.0.0, StructureDefinitions and value sets (HL7/fhir-mCODE-ig), as named beside each.
"""

from typing import Any

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
LOINC = "http://loinc.org"
SNOMED_CT = "http://snomed.info/sct"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
LATERALITY_EXTENSION = MCODE + "mcode-laterality-qualifier"
RELATED_CONDITION = MCODE + "mcode-related-condition"
HISTOLOGY_EXTENSION = MCODE + "mcode-histology-morphology-behavior"
DERIVATION = "http://hl7.org/fhir/StructureDefinition/derivation-reference"

# v3-ObservationValue AIAST; AI Transparency IG, requirements.md, "Labeling".
AI_ASSERTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}


def concept(system: str, code: str, display: str) -> dict[str, Any]:
    """A CodeableConcept with one coding."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


LABORATORY = concept(CATEGORY, "laboratory", "Laboratory")
EXAM = concept(CATEGORY, "exam", "Exam")

SIZE = concept(LOINC, "21889-1", "Size Tumor")
LONGEST_DIMENSION = concept(LOINC, "33728-7", "Size.maximum dimension in Tumor")
OTHER_DIMENSION = concept(LOINC, "33729-5", "Size additional dimension in Tumor")
GRADE = concept("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl", "C18000", "Histologic Grade")
GLEASON = concept(SNOMED_CT, "385377005", "Gleason grade finding for prostatic cancer (finding)")
HISTOLOGY = concept(LOINC, "31206-6", "Behavior ICD-O-3 Cancer")
# mcode-tumor-marker-test-vs, method unknown: the report's question names none.
RECEPTORS = {
    "ER": concept(LOINC, "16112-5", "Estrogen receptor [Interpretation] in Tissue"),
    "PR": concept(LOINC, "16113-3", "Progesterone receptor [Interpretation] in Tissue"),
    "HER2": concept(LOINC, "48676-1", "HER2 [Interpretation] in Tissue"),
}
# mcode-tnm-*-category and stage-group: code by prefix (none, clinical, pathologic).
STAGES = {
    "t": ("78873005", "T category", "399504009", "cT category", "384625004", "pT category"),
    "n": ("277206009", "N category", "399534004", "cN category", "371494008", "pN category"),
    "m": ("277208005", "M category", "399387003", "cM category", "371497001", "pM category"),
    "group": (
        "399390009",
        "TNM stage grouping",
        "399537006",
        "Clinical TNM stage grouping",
        "399588009",
        "Pathologic TNM stage grouping",
    ),
}
STAGE_PROFILES = {
    "t": MCODE + "mcode-tnm-primary-tumor-category",
    "n": MCODE + "mcode-tnm-regional-nodes-category",
    "m": MCODE + "mcode-tnm-distant-metastases-category",
    "group": MCODE + "mcode-tnm-stage-group",
}
STAGING_NOT_STATED = {"text": "not stated in report"}


def stage_code(slot: str, value: str) -> dict[str, Any]:
    """Observation.code of a stage: pathologic for p and yp, clinical for c, else the plain one."""
    plain, plain_name, clinical, clinical_name, pathologic, pathologic_name = STAGES[slot]
    prefix = value.split(slot.upper(), maxsplit=1)[0] if slot != "group" else ""
    if "p" in prefix:
        return concept(SNOMED_CT, pathologic, pathologic_name)
    if "c" in prefix:
        return concept(SNOMED_CT, clinical, clinical_name)
    return concept(SNOMED_CT, plain, plain_name)
