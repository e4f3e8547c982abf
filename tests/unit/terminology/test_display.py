"""Cancers are called as a person calls them; every other value stays as it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.terminology.display import diagnosis_display
from oncofhir.terminology.sites import find_sites
from oncofhir.terminology.tables import concepts


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("esophagus cancer", "esophageal cancer"),
        ("endometrium cancer", "endometrial cancer"),
        ("ampulla of Vater cancer", "ampullary cancer"),
        ("Ovary cancer", "ovarian cancer"),
        ("breast cancer", "breast cancer"),
        ("colon cancer", "colon cancer"),
        ("stomach cancer", "stomach cancer"),
        ("ovarian cancer", "ovarian cancer"),
        ("metastatic esophagus cancer to the liver", "metastatic esophagus cancer to the liver"),
        ("esophagus", "esophagus"),
    ],
)
def test_the_name_of_a_diagnosis(value, shown):
    assert diagnosis_display(value) == shown


@given(st.text())
def test_other_text_stays(text):
    if not re.search("cancer$", text, re.IGNORECASE):
        assert diagnosis_display(text) == text


def test_no_cancer_of_the_tables_is_called_by_a_noun_that_has_an_adjective():
    nouns = re.compile(r"(?:us|ina|ea|ura|ynx|ium|rix|ary|ulva|ach?ea|is|um) cancer$")
    names = [name for concept in concepts("cancers") for name in concept["synonyms"]]
    shown = {diagnosis_display(name) for name in names}
    fine = {"renal pelvis cancer", "pituitary cancer", "ampullary cancer"}
    assert {name for name in shown if nouns.search(name)} == fine


def test_an_adjective_names_the_same_organ():
    """So that a person who types what they see finds the value's codes."""
    for noun in ("esophagus", "endometrium", "cervix", "ovary", "pancreas", "rectum"):
        shown = diagnosis_display(f"{noun} cancer")
        assert {s.name for s, _, _ in find_sites(shown)} == {noun}, shown
