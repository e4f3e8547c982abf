"""What belongs to a lesion: its key, its codes, its side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.fhir.codes import ICD_10_CM
from oncofhir.fhir.mapping.lesions import fitting_codings, lesion_keys, may_have_side
from oncofhir.schemas.finding import Coding
from oncofhir.schemas.lesion import Behaviour, Lesion

LEFT = Lesion(id="1", behaviour=Behaviour.INVASIVE, organ="breast", laterality="left")
RIGHT = Lesion(id="2", behaviour=Behaviour.INVASIVE, organ="breast", laterality="right")


def test_a_lesion_keeps_its_key_when_another_one_is_named_before_it():
    alone = lesion_keys([LEFT])["1"]
    behind = lesion_keys(
        [RIGHT.model_copy(update={"id": "1"}), LEFT.model_copy(update={"id": "2"})]
    )
    assert behind["2"] == alone == "lesion/invasive/breast/left"


lesions = st.builds(
    Lesion,
    id=st.integers(1, 99).map(str),
    behaviour=st.sampled_from(Behaviour),
    organ=st.none() | st.sampled_from(["breast", "lung"]),
    laterality=st.none() | st.sampled_from(["left", "right"]),
)


@given(st.lists(lesions, unique_by=lambda lesion: lesion.id))
def test_each_lesion_has_a_key_of_its_own(found):
    keys = lesion_keys(found)
    assert set(keys) == {lesion.id for lesion in found}
    assert len(set(keys.values())) == len(found)


@pytest.mark.parametrize(
    ("code", "fits"),
    [
        ("C50.912", {Behaviour.INVASIVE}),
        ("C7A.019", {Behaviour.INVASIVE}),
        ("C4A.9", {Behaviour.INVASIVE}),
        ("C85.90", {Behaviour.INVASIVE}),
        ("C78.7", {Behaviour.METASTATIC}),
        ("C7B.02", {Behaviour.METASTATIC}),
        ("D05.12", {Behaviour.IN_SITU}),
        ("D24.1", {Behaviour.BENIGN}),
        ("D36.9", {Behaviour.BENIGN}),
        ("D37.4", {Behaviour.BORDERLINE}),
        ("D48.61", {Behaviour.BORDERLINE}),
        ("D46.9", set(Behaviour)),
    ],
)
def test_a_code_fits_the_behaviour_of_its_block(code, fits):
    coded = (Coding(system=ICD_10_CM, code=code),)
    assert {b for b in Behaviour if fitting_codings(coded, b)} == fits


def test_an_organ_without_sides_has_none():
    assert may_have_side(LEFT)
    assert not may_have_side(LEFT.model_copy(update={"organ": "prostate"}))
    assert may_have_side(LEFT.model_copy(update={"organ": None}))
