"""An earlier tumour that the report tells from the one at hand gives that one no stage, grade or side."""

import asyncio

import pytest

from oncofhir.inference.extractor import Extractor
from oncofhir.inference.rules import Rules
from oncofhir.schemas.finding import Kind


def values(read, text, *kinds):
    found = asyncio.run(Extractor(Rules()).extract(read(text))).findings
    return [f.value for f in found if f.kind in kinds]


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("Breast 2011: T2 N1. Current: DCIS left breast.", []),
        ("Breast cancer, right, T2 N1 M0 in 2011. New left breast ductal carcinoma, grade 1.", []),
        (
            "History: Left mastectomy 2011 for IDC, T2N1.\nNow: Right breast core: invasive ductal carcinoma.",
            [],
        ),
        ("Right breast cancer T2 N1 M0 (2011). Left breast core: ductal carcinoma, grade 1.", []),
        ("2011 right breast carcinoma pT2 pN1; 2024 left breast DCIS.", []),
        (
            "History: IDC right breast, pT2N1. Now: left breast core: invasive lobular carcinoma.",
            [],
        ),
        ("Lung cancer 2019, pT2 pN0. 2021: lung adenocarcinoma, pT4.", ["pT4"]),
        ("Left breast cancer 2019, pT2 pN1. Now: recurrence of left breast carcinoma.", []),
        ("In 2015 melanoma of the right arm, pT3a. New melanoma of the left leg, pT1a.", ["pT1a"]),
        # one tumour, at one time or told again; the year of an edition
        (
            "Left breast carcinoma found 2023, pT2 pN1. MRI 2024: left breast carcinoma is smaller.",
            ["pT2", "pN1"],
        ),
        ("Left breast carcinoma, pT2 pN1 (AJCC 2017). Right breast: benign.", ["pT2", "pN1"]),
        (
            "Left breast: carcinoma, pT2 pN1 (AJCC 8th edition 2017). Right lung: benign.",
            ["pT2", "pN1"],
        ),
        (
            "Left breast carcinoma, stage (2010): pT2 pN1. Currently on tamoxifen.",
            ["pT2", "pN1"],
        ),
        ("Prostate carcinoma, pT2c, WHO 2016 grade group 2. New PSA rise.", ["pT2c"]),
    ],
)
def test_stages(read, text, stage):
    assert sorted(values(read, text, Kind.CANCER_STAGE)) == sorted(stage)


def test_of_a_tumour_that_recurs_only_the_values_are_earlier(read):
    text = "Left breast cancer 2019, pT2 pN1. Now: recurrence of left breast carcinoma, 1.2 cm."
    assert values(read, text, Kind.DIAGNOSIS) == ["breast cancer"]
    assert values(read, text, Kind.TUMOR_LATERALITY) == ["left"]
    assert values(read, text, Kind.TUMOR_SIZE) == ["12 mm"]


def test_the_grade_of_the_earlier_tumour_is_its_own(read):
    text = "Right breast cancer 2011, grade 3. New left breast ductal carcinoma, grade 1."
    assert values(read, text, Kind.CANCER_GRADE, Kind.TUMOR_LATERALITY) == ["1", "left"]
