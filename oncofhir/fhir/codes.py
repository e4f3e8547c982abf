"""Codes, categories, methods and profiles of the findings, as mCODE STU4 defines them.

Source: mCODE 4.0.0, StructureDefinitions and value sets (HL7/fhir-mCODE-ig), named at each constant.
"""

from typing import Any

MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/"
LOINC = "http://loinc.org"
SNOMED_CT = "http://snomed.info/sct"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
US_CORE_CONDITION = (
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition-problems-health-concerns"
)
LOCATION_EXTENSION = MCODE + "mcode-body-location-qualifier"
LATERALITY_EXTENSION = MCODE + "mcode-laterality-qualifier"
RELATED_CONDITION = MCODE + "mcode-related-condition"
HISTOLOGY_EXTENSION = MCODE + "mcode-histology-morphology-behavior"
CLINICAL_STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION_STATUS = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
ASSERTED_DATE = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"
RELATED_PRIMARY = "http://hl7.org/fhir/StructureDefinition/condition-related"
DERIVATION = "http://hl7.org/fhir/StructureDefinition/derivation-reference"

# v3-ObservationValue AIAST; AI Transparency IG, requirements.md, "Labeling".
AI_ASSERTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}


def concept(system: str, code: str, display: str) -> dict[str, Any]:
    """Build a CodeableConcept with one coding."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


LABORATORY = concept(CATEGORY, "laboratory", "Laboratory")
EXAM = concept(CATEGORY, "exam", "Exam")
IMAGED = concept(CATEGORY, "imaging", "Imaging")

SIZE = concept(LOINC, "21889-1", "Size Tumor")
LONGEST_DIMENSION = concept(LOINC, "33728-7", "Size.maximum dimension in Tumor")
OTHER_DIMENSION = concept(LOINC, "33729-5", "Size additional dimension in Tumor")
GRADE = concept("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl", "C18000", "Histologic Grade")
# mcode-histologic-grade, method (extensible): SNOMED CT is-a 277457005, from the canshare-terminology IG.
NOTTINGHAM = concept(SNOMED_CT, "449205006", "Nottingham histologic grading system")
GLEASON = concept(SNOMED_CT, "385377005", "Gleason grade finding for prostatic cancer (finding)")
HISTOLOGY = concept(LOINC, "31206-6", "Behavior ICD-O-3 Cancer")
# mcode-tumor-marker-test-vs; the codes without a method, because the question names none.
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
# mcode-lymphoma-stage, code. Its values (required binding) are Ann Arbor stages, which are not coded here:
# the stage of a lymphoma is written as text, in the parent profile mcode-cancer-stage.
LYMPHOMA_STAGE = concept(SNOMED_CT, "385388004", "Lymphoma stage (observable entity)")
STAGE_PROFILE = MCODE + "mcode-cancer-stage"
# mcode-cancer-stage-type-vs and mcode-cancer-staging-method-vs.
FIGO_STAGE = concept(
    SNOMED_CT,
    "385361009",
    "International Federation of Gynecology and Obstetrics stage for gynecological malignancy "
    "(observable entity)",
)
STAGING_FIGO = concept(
    SNOMED_CT,
    "254383006",
    "International Federation of Gynecology and Obstetrics staging system of gynecological malignancy "
    "(tumor staging)",
)
# mcode-tnm-staging-method-vs; method is 1..1 and the edition is rarely in the text.
STAGING_NOT_STATED = {"text": "not stated in report"}
STAGING_AJCC = {"text": "AJCC, edition not clear from report"}
STAGING_UICC = concept(
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
    "C188404",
    "Union for International Cancer Control Stage",
)
STAGING_EDITIONS = {
    edition: concept(
        SNOMED_CT,
        code,
        f"American Joint Commission on Cancer, Cancer Staging Manual, {name} "
        "neoplasm staging system (tumor staging)",
    )
    for edition, code, name in (
        ("6", "444256004", "6th edition"),
        ("7", "443830009", "7th edition"),
        ("8", "897275008", "8th edition"),
        ("9", "1269566009", "9th version"),
    )
}

# mcode-tumor-size-method-vs and mcode-cancer-disease-status-evidence-type-vs.
GROSS_EXAMINATION = concept(
    SNOMED_CT, "787377000", "Gross examination and sampling of tissue specimen (procedure)"
)
ANATOMIC_PATHOLOGY = concept(SNOMED_CT, "108257001", "Anatomic pathology procedure (procedure)")
IMAGING = concept(SNOMED_CT, "363679005", "Imaging (procedure)")
TUMOR_SPECIMEN = concept("http://terminology.hl7.org/CodeSystem/v2-0487", "TUMOR", "Tumor")
# US Core 6.1.0, "Missing Data": for a required, coded element whose value is unknown.
UNKNOWN = concept("http://terminology.hl7.org/CodeSystem/data-absent-reason", "unknown", "Unknown")
AI_CONFIDENCE = "http://hl7.org/fhir/uv/aitransparency/StructureDefinition/AIconfidence"


def stage_prefix(slot: str, value: str) -> str:
    """Return the prefix of a stage category: c, p, yp, r, a, or an empty string."""
    return value.split(slot.upper(), maxsplit=1)[0].lower() if slot in {"t", "n", "m"} else ""


def stage_code(slot: str, value: str) -> dict[str, Any]:
    """Return Observation.code of a stage: pathologic for p and yp, clinical for c and yc, else plain."""
    plain, plain_name, clinical, clinical_name, pathologic, pathologic_name = STAGES[slot]
    prefix = stage_prefix(slot, value)
    if prefix in {"p", "yp"}:
        return concept(SNOMED_CT, pathologic, pathologic_name)
    if prefix in {"c", "yc"}:
        return concept(SNOMED_CT, clinical, clinical_name)
    return concept(SNOMED_CT, plain, plain_name)
