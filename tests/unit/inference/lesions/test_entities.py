"""The organ of a tumor: not the fluid that its cells were found in, nor where a metastasis sits."""

import asyncio

import pytest

from oncofhir.fhir.intake.read_report import report_from_text
from oncofhir.inference.extractor import Extractor
from oncofhir.inference.rules import Rules
from oncofhir.schemas.finding import Kind

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"


def diagnosis(text):
    """The value and the ICD-10-CM code of the only diagnosis, None where there is none."""
    report = report_from_text(text.encode(), "t")
    findings = asyncio.run(Extractor(Rules()).extract(report)).findings
    found = [f for f in findings if f.kind is Kind.DIAGNOSIS]
    assert len(found) <= 1
    if not found:
        return None
    codes = [c.code for c in found[0].codings if c.system == ICD_10_CM]
    return found[0].value, next(iter(codes), None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Liver biopsy: adenocarcinoma, compatible with colorectal primary.",
            ("metastatic colon adenocarcinoma to the liver", "C78.7"),
        ),
        (
            "Colon, transverse: adenocarcinoma, favor metastatic from gastric primary.",
            ("metastatic stomach adenocarcinoma to the colon", "C78.5"),
        ),
        (
            "Lung, left: adenocarcinoma, consistent with breast primary.",
            ("metastatic breast adenocarcinoma to the lung", "C78.02"),
        ),
        (
            "Brain: adenocarcinoma, suggestive of lung origin.",
            ("metastatic lung adenocarcinoma to the brain", "C79.31"),
        ),
        (
            "Supraclavicular node: adenocarcinoma, TTF-1 positive, consistent with lung primary.",
            ("metastatic lung adenocarcinoma", "C79.9"),
        ),
        (
            "Omentum: high grade serous carcinoma, consistent with tubo-ovarian origin.",
            ("metastatic ovary high grade serous carcinoma to the peritoneum", "C78.6"),
        ),
        (
            "CSF: leptomeningeal carcinomatosis, adenocarcinoma cells.",
            ("metastatic adenocarcinoma to the meninges", "C79.32"),
        ),
    ],
)
def test_a_tumor_that_comes_from_elsewhere_is_a_metastasis(text, expected):
    assert diagnosis(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Lung, left: adenocarcinoma, consistent with lung primary.",
        "Lung, left: adenocarcinoma, favor primary lung origin.",
        "Lung, left: adenocarcinoma, consistent with primary.",
        "Lung, left: adenocarcinoma, not consistent with breast primary.",
    ],
)
def test_a_tumor_that_comes_from_its_own_organ_is_a_primary(text):
    assert diagnosis(text) == ("lung cancer", "C34.92")


@pytest.mark.parametrize(
    "text",
    [
        "Pleural fluid, right: adenocarcinoma, consistent with breast primary.",
        "Malignant pleural effusion, right; cytology positive for adenocarcinoma, compatible with lung primary.",
        "Cancer of unknown primary; pleural effusion malignant.",
        "Ascites: adenocarcinoma, consistent with ovarian primary.",
        "Peritoneal fluid: adenocarcinoma.",
        "Pleural effusion: positive for carcinoma.",
    ],
)
def test_a_fluid_is_no_primary_site(text):
    found = diagnosis(text)
    assert found is None or (found[1] or "C79").startswith(("C79", "C78", "C80")), found


def test_a_mesothelioma_of_the_pleura_is_one():
    assert diagnosis("Pleura, right: mesothelioma, epithelioid.") == ("mesothelioma", "C45.0")


@pytest.mark.parametrize(
    "text",
    [
        "Uterus: smooth muscle tumor of uncertain malignant potential.",
        "Ovary: tumor of low malignant potential, 6 cm.",
        "Bladder: papillary urothelial neoplasm of low malignant potential (PUNLMP).",
        "Breast, right: phyllodes tumor of uncertain malignant potential, 3 cm.",
        "Ovary, left: serous tumor of low malignant potential.",
    ],
)
def test_a_potential_to_become_malignant_is_no_cancer(text):
    assert diagnosis(text) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Skin, left forearm, punch: basal cell carcinoma.", "C44.619"),
        ("Left thigh, excision: squamous cell carcinoma, keratinizing.", "C44.729"),
        ("Skin, left forearm: Nodular melanoma.", "C43.62"),
        ("Left thigh, excision: liposarcoma.", "C49.22"),
        ("Choroidal melanoma, left eye.", "C69.32"),
        ("Right eye: uveal melanoma.", "C69.91"),
    ],
)
def test_carcinomas_and_melanomas_of_a_limb_are_of_its_skin(text, code):
    assert diagnosis(text)[1] == code


def test_a_healthy_organ_is_no_site():
    report = report_from_text(b"DLBCL, right axilla 4.5 cm. Breasts: normal.", "t")
    findings = asyncio.run(Extractor(Rules()).extract(report)).findings
    assert Kind.TUMOR_SITE not in {f.kind for f in findings}


def test_of_several_cores_the_highest_gleason_score_counts():
    text = "Prostate. Right apex: adenocarcinoma, Gleason 3+3=6. Left base: adenocarcinoma, Gleason 4+4=8."
    report = report_from_text(text.encode(), "t")
    findings = asyncio.run(Extractor(Rules()).extract(report)).findings
    assert [f.value for f in findings if f.kind is Kind.CANCER_GRADE] == ["4+4=8"]
