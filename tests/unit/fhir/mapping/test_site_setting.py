"""Whether AJCC's codes of a stage come from the report or from the site's setting."""

import pytest

from oncofhir.fhir.mapping.staging import is_site_setting
from oncofhir.schemas.finding import Coding, Kind
from oncofhir.terminology.coding import codings

AJCC = codings(Kind.CANCER_STAGE, "t", "pT2")
FIGO = (Coding(system="http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl", code="C96258"),)


@pytest.mark.parametrize(
    ("text", "codes", "is_setting"),
    [
        ("pT2 pN0.", AJCC, True),
        ("pT2 pN0 (TNM).", AJCC, True),
        ("pT2 pN0 (AJCC 8th edition).", AJCC, False),
        ("American Joint Commission on\nCancer: pT2", AJCC, False),
        ("pT2 pN0 (UICC).", (), False),
        ("FIGO stage IIIC", FIGO, False),
    ],
)
def test_ajcc_by_the_setting(text, codes, is_setting):
    assert AJCC
    assert is_site_setting(text, codes) is is_setting
