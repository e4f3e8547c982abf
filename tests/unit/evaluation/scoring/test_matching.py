"""Which values are the same, and which are near enough for the lenient score."""

import pytest

from oncofhir.evaluation.dataset import ITEMS
from oncofhir.evaluation.scoring.matching import exact, lenient

ITEM = {item.name: item for item in ITEMS}


@pytest.mark.parametrize(
    ("name", "gold", "found"),
    [
        ("tumor_size", "25 mm", "2.5 cm"),
        ("tumor_size", "25 mm", "2.5 x 1.0 cm"),
        ("cancer_grade", "2", "G2"),
        ("cancer_grade", "2", "II"),
        ("cancer_grade", "3", "poorly differentiated"),
        ("cancer_stage/t", "pT2", "T2"),
        ("cancer_stage/n", "pN0", "pN0(sn)"),
        ("cancer_stage/group", "IIB", "stage IIB"),
        (
            "histological_type",
            "invasive carcinoma no special type",
            "infiltrating ductal carcinoma",
        ),
        ("histological_type", "invasive carcinoma NST", "invasive ductal carcinoma"),
        ("tumor_site", "colorectum, ascending colon", "ascending colon"),
        ("diagnosis", "breast cancer", "carcinoma of the breast"),
    ],
)
def test_the_same_in_normal_form(name, gold, found):
    assert exact(ITEM[name], gold, found)
    assert lenient(ITEM[name], gold, found)


@pytest.mark.parametrize(
    ("name", "gold", "found", "is_near"),
    [
        ("tumor_size", "25 mm", "26 mm", True),
        ("tumor_size", "25 mm", "25 cm", False),
        ("tumor_laterality", "left", "right", False),
        ("cancer_grade", "2", "3", False),
        ("cancer_grade", "3", "high", True),
        ("cancer_grade", "3+4=7", "4+3=7", True),
        ("cancer_stage/t", "pT2", "cT2", True),
        ("cancer_stage/t", "pT1c", "pT1", True),
        ("cancer_stage/t", "pT1", "pT2", False),
        ("cancer_stage/n", "pN1a", "pN1", True),
        ("cancer_stage/group", "IIB", "IIA", True),
        ("cancer_stage/group", "IIB", "III", False),
        ("histological_type", "invasive ductal carcinoma", "invasive lobular carcinoma", False),
        ("histological_type", "mixed ductal and lobular carcinoma", "ductal carcinoma", True),
        ("tumor_site", "breast, upper inner quadrant", "breast", True),
        ("tumor_site", "breast", "lung", False),
        ("diagnosis", "breast cancer", "lung cancer", False),
    ],
)
def test_not_the_same(name, gold, found, is_near):
    assert not exact(ITEM[name], gold, found)
    assert lenient(ITEM[name], gold, found) is is_near
