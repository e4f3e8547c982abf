"""Codes come from the data files alone; what is not there has none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.schemas.finding import Kind
from oncofhir.schemas.lesion import Behaviour
from oncofhir.terminology.coding import codings, diagnosis_codings
from oncofhir.terminology.sites import find_sites, site_of, sites
from oncofhir.terminology.tables import ICD_10_CM, SNOMED_CT, concepts


@pytest.mark.parametrize(
    ("value", "narrowed", "codes"),
    [
        ("breast cancer", {"laterality": "left", "gender": "female"}, ["254837009", "C50.912"]),
        ("breast cancer", {"laterality": "right", "gender": "male"}, ["254837009", "C50.921"]),
        ("breast cancer", {"gender": "female"}, ["254837009", "C50.919"]),
        ("breast cancer", {"laterality": "left"}, ["254837009"]),  # the code depends on the gender
        (
            "breast cancer",
            {"site": "left breast, upper outer quadrant", "laterality": "left", "gender": "female"},
            ["254837009", "C50.412"],
        ),
        ("breast cancer", {"site": "upper outer quadrant", "laterality": "left"}, ["254837009"]),
        ("lung cancer", {"laterality": "right"}, ["363358000", "C34.91"]),
        (
            "lung cancer",
            {"site": "right upper lobe", "laterality": "right"},
            ["363358000", "C34.11"],
        ),
        ("lung cancer", {"site": "upper and lower lobe"}, ["363358000", "C34.90"]),
        ("colon cancer", {"site": "sigmoid colon"}, ["363406005", "C18.7"]),
        ("lung cancer", {}, ["363358000", "C34.90"]),
        ("hepatocellular carcinoma", {}, ["93870000", "C22.0"]),
        ("cutaneous melanoma", {}, ["93655004", "C43.9"]),
        ("multiple myeloma", {}, ["109989006", "C90.00"]),
        ("rectal melanoma", {}, ["363351006", "C20"]),
        ("lymphoma of breast", {}, ["C85.99"]),
        ("metastatic adenocarcinoma to liver", {}, ["128462008", "C78.7"]),
        ("metastasis to the left lung", {"laterality": "right"}, ["128462008", "C78.02"]),
        ("metastatic breast cancer", {"gender": "female"}, []),  # the primary, or the metastasis?
        ("metastatic carcinoma to liver and bone", {}, ["128462008"]),
        ("metastatic carcinoma to two axillary lymph nodes", {}, ["128462008", "C77.3"]),
        ("metastatic carcinoma to lymph nodes", {}, ["128462008", "C77.9"]),
        ("metastatic carcinoma to axillary and pelvic nodes", {}, ["128462008"]),
        ("metastatic carcinoma to lymph nodes and liver", {}, ["128462008"]),
        ("metastatic carcinoma to bone marrow", {}, ["128462008", "C79.52"]),
        ("ductal carcinoma in situ of breast", {}, ["109889007", "D05.10"]),
        ("DCIS of breast", {"laterality": "left", "gender": "female"}, ["109889007", "D05.12"]),
        ("lobular carcinoma in situ of breast", {"laterality": "right"}, ["109888004", "D05.01"]),
        ("carcinoma in situ of breast", {"laterality": "right"}, ["189336000", "D05.91"]),
        ("ductal and lobular carcinoma in situ of breast", {}, []),
        ("breast cancer without carcinoma in situ", {}, []),
        ("urothelial carcinoma in situ of bladder", {}, ["109355002", "D09.0"]),
        ("melanoma in situ of vulva", {}, []),
        ("breast mass", {}, []),
        ("colon and rectal cancer", {}, []),
        ("rectosigmoid cancer", {}, ["363414004", "C19"]),
        ("appendix cancer", {}, ["363411007", "C18.1"]),
        ("fibroadenoma of breast", {}, []),
        ("cancer", {}, []),
        ("", {}, []),
    ],
)
def test_diagnoses(value, narrowed, codes):
    assert [c.code for c in diagnosis_codings(value, **narrowed)] == codes


@pytest.mark.parametrize(
    ("kind", "slot", "value", "codes"),
    [
        (Kind.TUMOR_LATERALITY, None, "left", ["7771000"]),
        (Kind.CANCER_GRADE, None, "2", ["1286893008"]),
        (Kind.CANCER_GRADE, None, "4", []),
        (Kind.CANCER_GRADE, None, "3+4=7", []),
        (Kind.HORMONE_RECEPTOR, "ER", "positive", ["10828004", "LA6576-8"]),
        (Kind.HORMONE_RECEPTOR, "HER2", "equivocal", []),
        (Kind.CANCER_STAGE, "t", "pT2", ["1229852009"]),
        (Kind.CANCER_STAGE, "n", "pN1a", ["1229954009"]),
        (Kind.CANCER_STAGE, "group", "IIB", ["1222769001"]),
        (Kind.CANCER_STAGE, "t", "pT9", []),
        (Kind.HISTOLOGICAL_TYPE, None, "invasive ductal carcinoma", ["82711006"]),
        (Kind.HISTOLOGICAL_TYPE, None, "strange carcinoma", []),
        (Kind.TUMOR_SITE, None, "left breast, upper outer quadrant", ["76752008"]),
        (Kind.TUMOR_SITE, None, "elbow pit", []),
        (Kind.TUMOR_SIZE, None, "23 mm", []),
    ],
)
def test_values(kind, slot, value, codes):
    assert [c.code for c in codings(kind, slot, value)] == codes


@given(
    st.sampled_from(Kind),
    st.text(max_size=30),
    st.sampled_from([None, "t", "n", "m", "group", "ER"]),
)
def test_no_value_raises(kind, value, slot):
    codings(kind, slot, value)
    diagnosis_codings(value)


@pytest.mark.parametrize(
    ("value", "known", "codes"),
    [
        ("carcinoma", {"behaviour": Behaviour.IN_SITU, "organ": "larynx"}, ["109355002", "D02.0"]),
        (
            "ductal carcinoma",
            {"behaviour": Behaviour.IN_SITU, "organ": "breast", "laterality": "left"},
            ["109889007", "D05.12"],
        ),
        (
            "renal cell carcinoma",
            {"behaviour": Behaviour.METASTATIC, "organ": "bone"},
            ["128462008", "C79.51"],
        ),
        (
            "metastatic breast cancer",
            {"behaviour": Behaviour.INVASIVE, "organ": "breast", "gender": "female"},
            ["254837009", "C50.919"],
        ),
        (
            "adenocarcinoma",
            {"behaviour": Behaviour.INVASIVE, "organ": "colon", "site": "sigmoid"},
            ["363406005", "C18.7"],
        ),
        ("lung cancer", {"behaviour": Behaviour.INVASIVE}, ["363358000", "C34.90"]),
        (
            "liver cancer",
            {
                "behaviour": Behaviour.INVASIVE,
                "organ": "liver",
                "histology": "hepatocellular carcinoma",
            },
            ["93870000", "C22.0"],
        ),
        (
            "skin cancer",
            {
                "behaviour": Behaviour.INVASIVE,
                "organ": "skin",
                "histology": "basal cell carcinoma",
                "site": "nose",
            },
            ["372130007", "C44.311"],
        ),
        (
            "lobular carcinoma",
            {
                "behaviour": Behaviour.IN_SITU,
                "organ": "breast",
                "histology": "ductal carcinoma in situ",
            },
            ["109888004", "D05.00"],
        ),
        ("serous tumor", {"behaviour": Behaviour.BORDERLINE, "organ": "ovary"}, []),
    ],
)
def test_a_lesion_goes_before_the_words_of_its_diagnosis(value, known, codes):
    assert [c.code for c in diagnosis_codings(value, **known)] == codes


TABLES = (
    "body_location_qualifier", "body_sites", "cancers", "disorders", "grade", "histology", "icd10cm", "laterality",
    "receptor_status", "stage_figo", "stage_group", "stage_m", "stage_n", "stage_t",
)  # fmt: skip


def coded(value):
    if isinstance(value, dict):
        if "code" in value:
            yield value
        for inner in value.values():
            yield from coded(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from coded(inner)


@pytest.fixture(scope="module")
def icd_10_cm():
    """The CDC's release of April 2026; to import it is to parse it, which takes seconds."""
    import simple_icd_10_cm

    return simple_icd_10_cm


@pytest.mark.parametrize("table", TABLES)
def test_every_code_has_a_system_and_a_display(table, icd_10_cm):
    """An ICD-10-CM row is one of the CDC's release of April 2026, to the letter."""
    rows = list(coded(concepts(table)))
    assert rows
    for row in rows:
        assert row["display"]
        assert row["code"] == row["code"].strip()
        if row["system"] == SNOMED_CT:
            assert row["code"].isdigit()
        if row["system"] == ICD_10_CM:
            assert row["code"][0] in "CD"
            assert icd_10_cm.is_leaf(row["code"]), f"{row['code']} is not billable"
            assert row["display"] == icd_10_cm.get_description(row["code"])


def test_each_site_has_words_of_its_own():
    words = [word for site in sites() for word in site.words]
    assert len(words) == len(set(words))
    assert {c["key"] for c in concepts("cancers") if c["site"]} <= {site.key for site in sites()}


def test_the_longest_words_win():
    assert site_of("rectosigmoid junction").key == "rectosigmoid junction"
    assert site_of("gastroesophageal junction").key == "gastroesophageal junction"
    assert [s.name for s, _, _ in find_sites("Lung and RENAL PELVIS")] == ["lung", "renal pelvis"]


@pytest.mark.parametrize("said", ["cervical cancer", "cervical carcinoma", "cervix cancer"])
def test_the_cervix_is_named_by_its_adjective_too_and_the_neck_is_not_meant(said):
    found = site_of(said)
    assert found is not None
    assert found.key == "cervix"
    assert site_of("cervical lymph node") is None or site_of("cervical lymph node").key != "cervix"
