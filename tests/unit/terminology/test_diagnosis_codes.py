"""A disease has the codes of its name, organ, place and side, and none beyond what the words support."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.diagnosis_codes import disease_codings
from oncofhir.terminology.neoplasms import neoplasms
from oncofhir.terminology.sites import sites
from oncofhir.terminology.tables import ICD_10_CM

INVASIVE, IN_SITU, METASTATIC = Behaviour.INVASIVE, Behaviour.IN_SITU, Behaviour.METASTATIC


@pytest.fixture(scope="module")
def icd():
    """The CDC's release of April 2026; to import it is to parse it, which takes seconds."""
    import simple_icd_10_cm

    return simple_icd_10_cm


def icd_of(name, site=None, behaviour=INVASIVE, **more):
    found = disease_codings(name=name, behaviour=behaviour, site=site, **more)
    return next((code.code for code in found if code.system == ICD_10_CM), None)


@pytest.mark.parametrize(
    ("name", "site", "more", "code"),
    [
        ("adenocarcinoma", "colon", {"place": "sigmoid colon"}, "C18.7"),
        ("adenocarcinoma", "colon", {"place": "caecum"}, "C18.0"),
        ("adenocarcinoma", "colon", {"place": "hepatic flexure and transverse colon"}, "C18.9"),
        ("adenocarcinoma", "stomach", {"place": "gastric antrum"}, "C16.3"),
        ("adenocarcinoma", "lung", {"place": "right upper lobe", "laterality": "right"}, "C34.11"),
        ("adenocarcinoma", "lung", {"place": "middle lobe", "laterality": "right"}, "C34.2"),
        ("hepatocellular carcinoma", None, {}, "C22.0"),
        ("cholangiocarcinoma", "bile duct", {}, "C24.9"),
        ("intrahepatic cholangiocarcinoma", "liver", {}, "C22.1"),
        ("clear cell renal cell carcinoma", "kidney", {"laterality": "left"}, "C64.2"),
        ("nephroblastoma", None, {"laterality": "right"}, "C64.1"),
        ("high grade serous carcinoma", "ovary", {"laterality": "bilateral"}, "C56.3"),
        ("urothelial carcinoma", "bladder", {"place": "posterior wall of bladder"}, "C67.4"),
        ("urothelial carcinoma", "ureter", {"laterality": "left"}, "C66.2"),
        ("squamous cell carcinoma", "larynx", {"place": "left vocal cord"}, "C32.0"),
        ("squamous cell carcinoma", "pharynx", {"place": "right tonsil"}, "C09.9"),
        ("squamous cell carcinoma", "tongue", {"place": "base of tongue"}, "C01"),
        (
            "squamous cell carcinoma",
            "skin",
            {"place": "right ear", "laterality": "right"},
            "C44.222",
        ),
        ("basal cell carcinoma", "skin", {"place": "nose"}, "C44.311"),
        (
            "basal cell carcinoma",
            "skin",
            {"place": "left lower eyelid", "laterality": "left"},
            "C44.1192",
        ),
        ("carcinoma", "skin", {}, "C44.90"),
        ("melanoma", "skin", {"place": "left calf", "laterality": "left"}, "C43.72"),
        ("melanoma", None, {}, "C43.9"),
        ("melanoma", "rectum", {}, "C20"),
        ("uveal melanoma", "eye", {"place": "choroid", "laterality": "right"}, "C69.31"),
        ("merkel cell carcinoma", "skin", {"place": "cheek"}, "C4A.39"),
        ("gastrointestinal stromal tumor", "stomach", {}, "C49.A2"),
        ("gastrointestinal stromal tumor", None, {}, "C49.A0"),
        ("carcinoid tumor", "small intestine", {"place": "terminal ileum"}, "C7A.012"),
        ("carcinoid tumor", "lung", {}, "C7A.090"),
        ("carcinoid tumor", None, {}, "C7A.00"),
        ("neuroendocrine tumor", "pancreas", {}, "C7A.8"),
        ("large cell neuroendocrine carcinoma", "lung", {}, "C7A.1"),
        ("small cell carcinoma", "lung", {"laterality": "left"}, "C34.92"),
        ("mesothelioma", "pleura", {"laterality": "left"}, "C45.0"),
        ("kaposi sarcoma", "skin", {}, "C46.0"),
        ("osteosarcoma", "bone", {"place": "distal femur", "laterality": "right"}, "C40.21"),
        ("leiomyosarcoma", "soft tissue", {"place": "left thigh", "laterality": "left"}, "C49.22"),
        ("glioblastoma", "brain", {"place": "left parietal lobe"}, "C71.3"),
        ("diffuse large b-cell lymphoma", None, {"place": "mediastinal mass"}, "C83.32"),
        ("diffuse large b-cell lymphoma", "stomach", {}, "C83.398"),
        (
            "follicular lymphoma",
            "lymph node",
            {"grade": "3A", "place": "right groin node"},
            "C82.35",
        ),
        ("follicular lymphoma", None, {}, "C82.90"),
        ("hodgkin lymphoma", None, {}, "C81.90"),
        ("malt lymphoma", "stomach", {}, "C88.40"),
        ("multiple myeloma", None, {}, "C90.00"),
        ("acute myeloid leukemia", None, {}, "C92.00"),
        ("acute promyelocytic leukemia", None, {}, "C92.40"),
        ("chronic lymphocytic leukemia", None, {}, "C91.10"),
        ("myelodysplastic syndrome", None, {}, "D46.9"),
        ("ductal carcinoma", "breast", {"laterality": "left"}, None),  # the code depends on the sex
        ("lobular carcinoma", "lung", {}, None),
        ("adenocarcinoma", None, {}, None),
    ],
)
def test_a_malignant_disease(name, site, more, code):
    assert icd_of(name, site, **more) == code


@pytest.mark.parametrize(
    ("name", "site", "more", "code"),
    [
        ("ductal carcinoma in situ", "breast", {"laterality": "left"}, "D05.12"),
        ("ductal carcinoma", "breast", {"laterality": "right"}, "D05.11"),
        ("lobular carcinoma in situ", "breast", {}, "D05.00"),
        ("encapsulated papillary carcinoma", "breast", {"laterality": "left"}, "D05.82"),
        ("carcinoma in situ", "breast", {}, "D05.90"),
        ("urothelial carcinoma in situ", "bladder", {}, "D09.0"),
        ("urothelial carcinoma", "ureter", {}, "D09.19"),
        ("melanoma in situ", "skin", {"place": "right cheek", "laterality": "right"}, "D03.39"),
        ("melanoma", "skin", {}, "D03.9"),
        ("melanoma in situ", "vulva", {}, None),
        (
            "squamous cell carcinoma in situ",
            "skin",
            {"place": "left shin", "laterality": "left"},
            "D04.72",
        ),
        ("squamous cell carcinoma in situ", "larynx", {}, "D02.0"),
        ("adenocarcinoma in situ", "lung", {"laterality": "right"}, "D02.21"),
        ("adenocarcinoma in situ", "cervix", {"place": "endocervix"}, "D06.0"),
        ("intramucosal carcinoma", "colon", {}, "D01.0"),
        ("vulvar intraepithelial neoplasia grade 3", "vulva", {}, "D07.1"),
    ],
)
def test_a_disease_in_situ(name, site, more, code):
    assert icd_of(name, site, IN_SITU, **more) == code


@pytest.mark.parametrize(
    ("name", "site", "more", "code"),
    [
        ("renal cell carcinoma", "bone", {"laterality": "left"}, "C79.51"),
        ("osteosarcoma", "lung", {"laterality": "right"}, "C78.01"),
        ("adenocarcinoma", "liver", {}, "C78.7"),
        ("squamous cell carcinoma", "lymph node", {"place": "supraclavicular node"}, "C77.0"),
        ("carcinoma", "lymph node", {"place": "axillary and inguinal nodes"}, "C77.9"),
        ("carcinoma", "ovary", {"laterality": "bilateral"}, "C79.63"),
        ("melanoma", "brain", {}, "C79.31"),
        ("neuroendocrine tumor", "liver", {}, "C7B.8"),
        ("carcinoid tumor", "liver", {}, "C7B.02"),
        ("merkel cell carcinoma", "lymph node", {}, "C7B.1"),
        ("adenocarcinoma", None, {}, "C79.9"),
    ],
)
def test_a_metastasis_has_the_code_of_the_organ_that_it_is_in(name, site, more, code):
    assert icd_of(name, site, METASTATIC, **more) == code


def test_snomed_ct_goes_by_the_disease_before_the_organ():
    def snomed(name, site=None, behaviour=INVASIVE):
        return disease_codings(name=name, behaviour=behaviour, site=site)[0].display

    assert snomed("follicular lymphoma") == "Follicular non-Hodgkin's lymphoma"
    assert snomed("mantle cell lymphoma", "stomach") == "Non-Hodgkin's lymphoma (clinical)"
    assert snomed("adenocarcinoma", "appendix") == "Malignant tumor of appendix"
    assert snomed("ductal carcinoma", "breast", IN_SITU).startswith("Intraductal carcinoma in situ")
    assert snomed("melanoma", "skin", IN_SITU) == "Melanoma in situ (disorder)"
    assert snomed("squamous cell carcinoma", "larynx", IN_SITU) == "Carcinoma in situ (disorder)"
    assert snomed("melanoma", "brain", METASTATIC).startswith("Secondary malignant")


BLOCKS = {
    INVASIVE: ("C", "D45", "D46", "D47"),
    IN_SITU: ("D0",),
    METASTATIC: ("C77", "C78", "C79", "C7B"),
}


@given(
    name=st.sampled_from([None, *neoplasms()]),
    behaviour=st.sampled_from(Behaviour),
    site=st.sampled_from([None, *(site.name for site in sites())]),
    laterality=st.sampled_from([None, "left", "right", "bilateral", "midline"]),
    gender=st.sampled_from([None, "female", "male"]),
    place=st.sampled_from(
        ["", "left upper lobe", "nose", "axillary node", "upper and lower third"]
    ),
)
def test_a_code_is_always_one_of_the_block_of_the_behaviour(
    icd, name, behaviour, site, laterality, gender, place
):
    codes = disease_codings(
        name=name, behaviour=behaviour, site=site, laterality=laterality, gender=gender, place=place
    )
    if behaviour in {Behaviour.BENIGN, Behaviour.BORDERLINE}:
        assert not codes
    for code in codes:
        if code.system == ICD_10_CM:
            assert icd.is_leaf(code.code)
            display = icd.get_description(code.code).lower()
            if behaviour is METASTATIC and not code.code.startswith(BLOCKS[METASTATIC]):
                assert code.code.startswith(
                    ("C8", "C9", "D46")
                )  # diseases of the blood have no metastases
            elif behaviour is INVASIVE:
                assert code.code.startswith(BLOCKS[INVASIVE])
                assert not code.code.startswith(BLOCKS[METASTATIC])
            else:
                assert code.code.startswith(BLOCKS[behaviour])
            for side in {"left", "right"} - {laterality}:
                assert side not in display.replace("(", " ").split()
